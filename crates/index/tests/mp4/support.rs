//! What FFmpeg shows of a file, and of its excerpts.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use gifgen_index::{Excerpt, IndexError, parsers::Mp4Index};
use gifgen_reader::{BlockCache, Http, Reader};
use gifgen_shared::{Colour, ETag, PinnedSource, Slice, Source, SourceKey, VideoStream, slice};
use gifgen_testkit::{
    media,
    test_env::{FILMS, TestEnv},
};

/// What FFmpeg shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Size and shape of the pictures, and the length of a tick.
    pub format: Vec<String>,
    pub seconds_per_tick: f64,
    /// When each picture is shown, in ticks, and its checksum.
    pub pictures: Vec<(i64, String)>,
}

/// What is shown of the stream `index` of `input`, a file or FFmpeg's standard input.
pub fn shown(input: &str, index: u32, format: Option<&str>, bytes: Option<Vec<u8>>) -> Shown {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-copyts"]);
    if let Some(format) = format {
        ffmpeg.args(["-f", format]);
    }
    if bytes.is_some() {
        ffmpeg.args(["-protocol_whitelist", "pipe"]);
    }
    let mut ffmpeg = ffmpeg
        .args(["-i", input, "-map", &format!("0:{index}")])
        .args(["-vsync", "passthrough", "-enc_time_base", "-1"])
        .args(["-f", "framecrc", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = ffmpeg.stdin.take().unwrap();
    // It may end before it has read all.
    let feeding = std::thread::spawn(move || stdin.write_all(&bytes.unwrap_or_default()).ok());
    let output = ffmpeg.wait_with_output().unwrap();
    feeding.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (format, pictures) = text
        .lines()
        .partition::<Vec<&str>, _>(|line| line.starts_with('#'));
    let tick = format.iter().find_map(|line| line.strip_prefix("#tb 0: "));
    let tick = tick
        .and_then(|tick| tick.split_once('/'))
        .unwrap_or(("0", "1"));
    let wanted = |line: &&&str| !line.starts_with("#software");
    let cells = pictures
        .iter()
        .map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
    Shown {
        format: format
            .iter()
            .filter(wanted)
            .map(|line| (*line).to_owned())
            .collect(),
        seconds_per_tick: tick.0.parse::<f64>().unwrap() / tick.1.parse::<f64>().unwrap(),
        pictures: cells
            .map(|cells| (cells[2].parse().unwrap(), cells[5].to_owned()))
            .collect(),
    }
}

impl Shown {
    /// The stream as the splitter would describe it.
    pub fn stream(&self, index: u32) -> VideoStream {
        let first = self.pictures[0].0 as f64 * self.seconds_per_tick;
        VideoStream {
            index,
            start_time: (first * 1e6).round() / 1e6,
            width: 16,
            height: 16,
            interlaced: false,
            seek_margin: 0,
            colour: Colour::default(),
            crop: None,
            turn: None,
            hidden_keyframes: false,
        }
    }

    /// Slices of so many seconds.
    pub fn slices(&self, seconds: u32) -> Vec<Slice> {
        let times = || self.pictures.iter().map(|picture| picture.0);
        let ticks = times().max().unwrap() - times().min().unwrap();
        slice::plan(
            (ticks as f64 * self.seconds_per_tick + 0.04).max(0.04),
            seconds,
        )
    }

    /// The pictures that a slice is made from: those within, and the one that is on screen when it
    /// starts.
    pub fn within(&self, video: &VideoStream, slice: &Slice) -> Vec<(i64, String)> {
        let ticks = |seconds: f64| (video.start_time + seconds + 0.0005) / self.seconds_per_tick;
        let start = ticks(f64::from(slice.start));
        let times = self.pictures.iter().map(|picture| picture.0);
        let on_screen = times
            .filter(|time| *time as f64 <= start)
            .max()
            .unwrap_or(i64::MIN);
        let range = on_screen..ticks(slice.end - 0.001).ceil() as i64;
        let within = self
            .pictures
            .iter()
            .filter(|picture| range.contains(&picture.0));
        within.cloned().collect()
    }
}

/// The embedded S3 with one source on it.
pub struct Served {
    _bed: TestEnv,
    pub blocks: Arc<BlockCache>,
}

impl Served {
    pub async fn new(file: &Path) -> Self {
        let env = TestEnv::start().await;
        let object = env.adopt("film", file).await;
        let source = Source {
            bucket: FILMS.into(),
            key: SourceKey::plain("film").unwrap(),
            etag: None,
        };
        let etag = ETag::new(&object.etag).unwrap();
        let pinned = PinnedSource::new(source, etag, std::fs::metadata(file).unwrap().len());
        let (http, s3) = (Http::new().unwrap(), env.s3().clone());
        let reader = Reader::new(http, s3, pinned, Duration::from_secs(600));
        Self {
            _bed: env,
            blocks: BlockCache::new(reader),
        }
    }
}

/// The file that FFmpeg is given for an excerpt.
pub fn bytes_of(excerpt: &Excerpt, file: &[u8]) -> Vec<u8> {
    let mut bytes = excerpt.header.clone();
    for range in &excerpt.ranges {
        bytes.extend_from_slice(&file[range.start as usize..range.end as usize]);
    }
    bytes
}

/// Holds some of the excerpts of a file, in slices of different lengths, against the whole. Says how
/// many slices had one, and how many had none.
pub async fn check(file: &Path, index: u32) -> Result<(usize, usize), IndexError> {
    let whole = shown(file.to_str().unwrap(), index, None, None);
    assert!(
        !whole.pictures.is_empty(),
        "FFmpeg shows nothing of {}",
        file.display()
    );
    let video = whole.stream(index);
    let served = Served::new(file).await;
    let content = std::fs::read(file).unwrap();
    let (mut made, mut missing) = (0, 0);
    for seconds in [2, 30] {
        let slices = whole.slices(seconds);
        let excerpts = Mp4Index::read(&served.blocks, &video).await?;
        let excerpts = excerpts.excerpts(&slices).collect::<Vec<_>>();
        let expected = Mp4Index::of(&content, &video).unwrap();
        assert!(expected.excerpts(&slices).eq(excerpts.iter().cloned()));
        let every = slices.len().div_ceil(6);
        for (slice, excerpt) in slices.iter().zip(&excerpts) {
            let Some(excerpt) = excerpt else {
                missing += 1;
                continue;
            };
            made += 1;
            let decoded = Excerpt::decode(&excerpt.encode(), content.len() as u64).unwrap();
            assert_eq!(decoded, *excerpt);
            let place = slice.index as usize;
            if !place.is_multiple_of(every) && place + 1 != slices.len() {
                continue;
            }
            let cut = shown("pipe:0", 0, Some("mov"), Some(bytes_of(excerpt, &content)));
            assert_eq!(cut.format, whole.format, "{} {slice:?}", file.display());
            let (cut, whole) = (cut.within(&video, slice), whole.within(&video, slice));
            assert_eq!(cut, whole, "{} {slice:?}", file.display());
        }
    }
    Ok((made, missing))
}

/// Runs FFmpeg in `folder` to make a file there.
pub fn make(folder: &Path, name: &str, args: &[&str]) -> PathBuf {
    let target = folder.join(name);
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args)
        .arg(&target)
        .status()
        .unwrap();
    assert!(made.success(), "ffmpeg failed to make {name}");
    target
}

/// A small film with B-frames, keyframes each second, and sound.
pub fn film(folder: &Path, name: &str, args: &[&str]) -> PathBuf {
    let source = media::folder().join("perf_bbb_1080p24_56s.mp4");
    let source = source.to_str().unwrap();
    let sound = "sine=frequency=440:sample_rate=44100";
    let mut all = vec![
        "-t", "9.5", "-i", source, "-f", "lavfi", "-t", "9.5", "-i", sound,
    ];
    all.extend([
        "-map", "0:v:0", "-map", "1:a", "-s", "160x90", "-c:v", "libx264",
    ]);
    all.extend(["-preset", "veryfast", "-bf", "3", "-g", "24", "-c:a", "aac"]);
    all.extend(args);
    make(folder, name, &all)
}

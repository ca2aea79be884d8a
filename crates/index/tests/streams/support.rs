//! A source in an S3, and what FFmpeg makes of it and of its excerpts.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use gifgen_index::{ContainerIndex, Excerpt, IndexError, feed, pipe};
use gifgen_reader::{BlockCache, Http, Reader};
use gifgen_shared::{
    Colour, ETag, PinnedSource, Slice, Source, SourceKey, VideoStream, slice::plan,
};
use gifgen_testkit::{
    media,
    test_env::{FILMS, TestEnv},
};
use tokio::task::spawn_blocking;

/// Pictures by their times in microseconds, with their hashes.
pub type Pictures = BTreeMap<i64, String>;

/// One file in an S3.
pub struct Bench {
    env: TestEnv,
    etag: String,
    pub file: PathBuf,
    pub container: String,
    pub video: VideoStream,
    pub seconds: f64,
}

impl Bench {
    /// Serves `file`, whose stream to render is `index`.
    pub async fn new(file: &Path, index: u32) -> Self {
        let env = TestEnv::start().await;
        let etag = env.adopt("film", file).await.etag;
        let video = VideoStream {
            index,
            start_time: 0.0,
            width: 16,
            height: 16,
            interlaced: false,
            seek_margin: 0,
            colour: Colour::default(),
            crop: None,
            turn: None,
            hidden_keyframes: false,
        };
        let mut bench = Self {
            env,
            etag,
            container: probe(file, &["-show_entries", "format=format_name"]).remove(0),
            file: file.to_owned(),
            video,
            seconds: 0.0,
        };
        let stream = index.to_string();
        let of = ["-select_streams", &stream, "-show_entries"];
        let first = ["frame=pts_time", "-read_intervals", "%+#30"];
        let first = probe(file, &[&of[..], &first].concat());
        bench.video.start_time = first
            .first()
            .map_or("0", String::as_str)
            .trim_matches(',')
            .parse()
            .unwrap_or(0.0);
        let last = bench
            .packets()
            .iter()
            .map(|packet| packet.0)
            .max()
            .unwrap_or(0);
        bench.seconds = last as f64 / 1e6 - bench.video.start_time + 0.04;
        bench
    }

    pub fn reader(&self) -> Arc<Reader> {
        let source = Source {
            bucket: FILMS.into(),
            key: SourceKey::plain("film").unwrap(),
            etag: None,
        };
        let etag = ETag::new(&self.etag).unwrap();
        let pinned = PinnedSource::new(source, etag, self.file.metadata().unwrap().len());
        let (http, s3) = (Http::new().unwrap(), self.env.s3().clone());
        Reader::new(http, s3, pinned, Duration::from_secs(600))
    }

    pub fn slices(&self, seconds: u32) -> Vec<Slice> {
        plan(self.seconds, seconds)
    }

    pub async fn excerpts(&self, slices: &[Slice]) -> Result<Vec<Option<Excerpt>>, IndexError> {
        let blocks = BlockCache::new(self.reader());
        let index = ContainerIndex::read(blocks, &self.container, self.video).await?;
        Ok(index.excerpts(slices).await?.collect())
    }

    /// What FFmpeg reads of `excerpt`.
    pub async fn feed(&self, excerpt: &Excerpt) -> Vec<u8> {
        let reader = self.reader();
        // This reads all there is, as if it never had enough.
        let excerpt = Excerpt {
            until: 0,
            ..excerpt.clone()
        };
        let (sender, stdin) = pipe().unwrap();
        let reading = spawn_blocking(|| {
            let mut bytes = Vec::new();
            File::from(stdin).read_to_end(&mut bytes).map(|_| bytes)
        });
        feed(&excerpt, &reader, sender).await.unwrap();
        reading.await.unwrap().unwrap()
    }

    /// All decoded pictures of the file.
    pub fn whole(&self) -> Pictures {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "fatal", "-nostdin", "-copyts", "-i"]);
        let stream = self.video.index.to_string();
        pictures(command.arg(&self.file), &stream, "rawvideo", Vec::new())
    }

    /// All decoded pictures of an excerpt.
    pub fn cut(&self, excerpt: &Excerpt, bytes: Vec<u8>, codec: &str) -> Pictures {
        let mut command = Command::new("ffmpeg");
        let demuxer = excerpt.demuxer.name();
        command.args(["-v", "fatal", "-copyts", "-f", demuxer, "-i", "pipe:0"]);
        pictures(&mut command, &excerpt.stream.to_string(), codec, bytes)
    }

    /// The packets of the video: time in microseconds, size, whether it is a keyframe.
    pub fn packets(&self) -> Vec<(i64, u64, bool)> {
        let stream = self.video.index.to_string();
        let of = ["-select_streams", &stream, "-show_entries"];
        let lines = probe(
            &self.file,
            &[&of[..], &["packet=pts_time,size,flags"]].concat(),
        );
        let packets = lines.iter().filter_map(|line| {
            let mut cells = line.split(',');
            let time: f64 = cells.next()?.parse().ok()?;
            let size = cells.next()?.parse().ok()?;
            Some((micros(time), size, cells.next()?.starts_with('K')))
        });
        packets.collect()
    }

    pub fn start(&self, slice: &Slice) -> i64 {
        micros(self.video.start_time + f64::from(slice.start))
    }

    pub fn end(&self, slice: &Slice) -> i64 {
        micros(self.video.start_time + slice.end)
    }

    /// Asserts that each slice of `seconds` shows the same from its excerpt. Returns how many
    /// have none.
    pub async fn holds_against_the_whole(&self, whole: &Pictures, seconds: u32) -> usize {
        let slices = self.slices(seconds);
        let excerpts = self.excerpts(&slices).await.unwrap();
        let mut missing = 0;
        for (slice, excerpt) in slices.iter().zip(excerpts) {
            let Some(excerpt) = excerpt else {
                missing += 1;
                continue;
            };
            let bytes = self.file.metadata().unwrap().len();
            let excerpt = Excerpt::decode(&excerpt.encode(), bytes).unwrap();
            let bytes = self.feed(&excerpt).await;
            let cut = self.cut(&excerpt, bytes, "rawvideo");
            let name = format!("{} {slice:?} {:?}", self.file.display(), excerpt.ranges);
            let (start, end) = (self.start(slice), self.end(slice));
            let shown = whole.range(..=start + 1000).next_back();
            let from = shown.map_or(start, |(time, _)| *time);
            let expected: Vec<_> = whole.range(from..end).collect();
            let found: Vec<_> = cut.range(from..end.max(from)).collect();
            assert_eq!(found, expected, "{name}");
        }
        missing
    }
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

fn probe(file: &Path, arguments: &[&str]) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "fatal", "-of", "csv=p=0"])
        .args(arguments)
        .arg(file)
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(|line| line.trim_matches('"').to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

fn pictures(command: &mut Command, stream: &str, codec: &str, input: Vec<u8>) -> Pictures {
    let mut child = command
        .args(["-map", &format!("0:{stream}"), "-fps_mode", "passthrough"])
        .args(["-enc_time_base", "-1", "-avoid_negative_ts", "disabled"])
        .args(["-c", codec, "-f", "framemd5", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    framemd5(&String::from_utf8(output.stdout).unwrap())
}

/// The pictures that FFmpeg's output `framemd5` lists.
pub fn framemd5(text: &str) -> Pictures {
    let mut tick = 0.0;
    let mut pictures = Pictures::new();
    for line in text.lines() {
        if let Some(base) = line.strip_prefix("#tb 0: ") {
            let (numerator, denominator) = base.split_once('/').unwrap();
            tick = numerator.parse::<f64>().unwrap() / denominator.parse::<f64>().unwrap();
        } else if !line.starts_with('#') {
            let cells: Vec<_> = line.split(',').map(str::trim).collect();
            let time = cells[2].parse::<f64>().unwrap() * tick;
            pictures.insert(micros(time), cells[5].to_owned());
        }
    }
    pictures
}

/// A copy of the film `perf`, `seconds` long, without encoding it again: `arguments` say how.
pub fn film(folder: &Path, name: &str, seconds: u32, arguments: &[&str]) -> PathBuf {
    let target = folder.join(name);
    let source = media::folder().join("perf_bbb_1080p24_56s.mp4");
    let length = seconds.to_string();
    let tone = "sine=frequency=500:sample_rate=48000";
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-stream_loop", "-1", "-i"])
        .arg(source)
        .args([
            "-f", "lavfi", "-i", tone, "-map", "0:v", "-map", "1:a", "-t",
        ])
        .args([&length, "-c:v", "copy", "-c:a", "aac", "-b:a", "128k"])
        .args(arguments)
        .arg(&target)
        .status();
    assert!(status.unwrap().success());
    target
}

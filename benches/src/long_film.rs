//! Films of a day at 60 pictures a second, and what it costs to index them.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use gifgen_index::ContainerIndex;
use gifgen_reader::{BlockCache, Http, Reader};
use gifgen_shared::{
    Colour, ETag, PinnedSource, Slice, Source, SourceKey, VideoStream, slice::plan,
};
use gifgen_testkit::{
    clients,
    counting_proxy::CountingProxy,
    test_env::{FILMS, TestEnv},
};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::{
    bytes::reads::{Reads, Total},
    cpu_time::{children_cpu, own_cpu},
    memory::peak_memory,
    run::finish,
};

/// The argument that turns the benchmark into the process that is measured.
pub const INDEXER: &str = "--indexer";

/// Delay of each request.
const LATENCY: Duration = Duration::from_millis(20);

/// Seconds of the slices.
const SLICE_SECONDS: u32 = 30;

/// Seconds that are encoded. The rest repeats them.
const ENCODED_SECONDS: u32 = 60;

/// A film to index.
#[derive(Clone, Copy, Debug)]
pub struct LongFilm {
    /// Name in the table.
    pub name: &'static str,
    file: &'static str,
    hours: u32,
    /// Output options of FFmpeg.
    args: &'static [&'static str],
}

/// What it costs.
#[derive(Debug)]
pub struct Indexed {
    /// Name in the table.
    pub name: &'static str,
    /// User and system time, with the encoding of all excerpts.
    pub cpu: Duration,
    /// Wall time.
    pub wall: Duration,
    /// Peak memory in bytes; `None` if the system does not tell.
    pub memory: Option<u64>,
    /// Requests and bytes.
    pub reads: Total,
    /// What the process counted.
    pub counted: Counted,
}

/// What the measured process counts.
#[derive(Debug, Serialize, Deserialize)]
pub struct Counted {
    /// User and system time until the index is read, in seconds.
    pub seconds_to_read: f64,
    /// All slices.
    pub slices: usize,
    /// Slices with an excerpt.
    pub excerpts: usize,
    /// Size of all excerpts, encoded.
    pub encoded_bytes: usize,
    /// Length of the film in seconds.
    pub length: f64,
}

/// The films.
pub const FILMS_OF_A_DAY: [LongFilm; 3] = [
    LongFilm {
        name: "12 h, MP4",
        file: "half-day.mp4",
        hours: 12,
        args: &[],
    },
    LongFilm {
        name: "24 h, MP4",
        file: "day.mp4",
        hours: 24,
        args: &[],
    },
    LongFilm {
        name: "24 h, fragments of 6 s",
        file: "day-fragmented.mp4",
        hours: 24,
        args: &[
            "-frag_duration",
            "6000000",
            "-movflags",
            "+empty_moov+default_base_moof+skip_trailer",
        ],
    },
];

impl LongFilm {
    /// Creates the file in `folder`, unless it exists.
    ///
    /// # Errors
    /// FFmpeg fails.
    pub fn make(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(self.file);
        if path.is_file() {
            return Ok(path);
        }
        let base = folder.join("minute.mp4");
        let seconds = ENCODED_SECONDS.to_string();
        let mut encode = Command::new("ffmpeg");
        encode.args(["-nostdin", "-v", "error", "-y"]);
        encode.args(["-f", "lavfi", "-i", "testsrc=size=64x36:rate=60"]);
        encode.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]);
        encode.args(["-t", &seconds, "-c:v", "libx264", "-preset", "veryfast"]);
        // Reordered throughout, which makes the longest tables.
        encode.args(["-x264-params", "b-adapt=0", "-bf", "3", "-g", "120"]);
        encode.args(["-c:a", "aac", "-b:a", "32k"]);
        finish(encode.arg(&base))?;
        let partial = folder.join(format!("partial-{}", self.file));
        let mut repeat = Command::new("ffmpeg");
        repeat.args(["-nostdin", "-v", "error", "-y", "-stream_loop", "-1", "-i"]);
        repeat.arg(&base).args(["-c", "copy", "-t"]);
        repeat.arg((self.hours * 3600).to_string()).args(self.args);
        finish(repeat.arg(&partial))?;
        std::fs::rename(partial, &path)?;
        Ok(path)
    }

    /// Indexes the film at `path` in a process of its own.
    ///
    /// # Errors
    /// The index cannot be made.
    pub async fn index(&self, path: &Path) -> Result<Indexed> {
        let env = TestEnv::start().await;
        let object = env.adopt(self.file, path).await;
        let proxy = CountingProxy::start(&env.stack().s3_endpoint(), LATENCY).await;
        let mut command = Command::new(env::current_exe()?);
        command.arg(INDEXER).arg(self.file).arg(&object.etag);
        command.arg(std::fs::metadata(path)?.len().to_string());
        command.arg((self.hours * 3600).to_string());
        command.arg(start_time(path)?);
        command.envs(env.environment());
        command.env("AWS_ENDPOINT_URL_S3", proxy.endpoint());
        let measuring = spawn_blocking(move || {
            let (cpu, wall) = (children_cpu(), Instant::now());
            let (said, memory) = peak_memory(|| finish(&mut command));
            (
                said,
                children_cpu().saturating_sub(cpu),
                wall.elapsed(),
                memory,
            )
        });
        let (said, cpu, wall, memory) = measuring.await?;
        Ok(Indexed {
            name: self.name,
            cpu,
            wall,
            memory,
            reads: Total::of(&[Reads::new(proxy.take().await)]),
            counted: serde_json::from_slice(&said?.stdout)?,
        })
    }
}

/// When FFmpeg shows the first picture, in seconds.
fn start_time(path: &Path) -> Result<String> {
    let mut probe = Command::new("ffprobe");
    probe.args([
        "-v",
        "error",
        "-select_streams",
        "v",
        "-read_intervals",
        "%+#1",
    ]);
    probe.args(["-show_entries", "frame=pts_time", "-of", "csv=p=0"]);
    let output = String::from_utf8(finish(probe.arg(path))?.stdout)?;
    let first = output.split([',', '\n']).next();
    Ok(first.unwrap_or_default().to_owned())
}

/// Indexes the source that the arguments name, and prints how many slices have an excerpt.
///
/// # Errors
/// The index cannot be made.
pub async fn run_indexer() -> Result<()> {
    let mut args = env::args().skip_while(|arg| arg != INDEXER).skip(1);
    let mut argument = || args.next().context("an argument is missing");
    let key = SourceKey::plain(argument()?)?;
    let etag = ETag::new(&argument()?).context("no ETag")?;
    let bytes = argument()?.parse()?;
    let length: f64 = argument()?.parse()?;
    let video = VideoStream {
        index: 0,
        start_time: argument()?.parse()?,
        width: 64,
        height: 36,
        interlaced: false,
        seek_margin: 0,
        colour: Colour::default(),
        crop: None,
        turn: None,
        hidden_keyframes: false,
    };
    let variable = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
    let (id, secret) = (
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
    );
    let s3 = clients::s3(&variable("AWS_ENDPOINT_URL_S3")?, &id, &secret);
    let source = Source {
        bucket: FILMS.into(),
        key,
        etag: Some(etag.clone()),
    };
    let pinned = PinnedSource::new(source, etag, bytes);
    let reader = Reader::new(Http::new()?, s3, pinned, Duration::from_secs(600));
    let blocks = BlockCache::new(reader);
    let mut index = ContainerIndex::read(blocks, "mov,mp4", video).await?;
    let measured = index
        .length(Some(length))
        .await?
        .context("it has no length")?;
    let read = own_cpu().as_secs_f64();
    let slices: Vec<Slice> = plan(measured, SLICE_SECONDS);
    let (mut excerpts, mut encoded) = (0, 0);
    for excerpt in index.excerpts(&slices).await?.flatten() {
        excerpts += 1;
        encoded += excerpt.encode().len();
    }
    let counted = Counted {
        seconds_to_read: read,
        slices: slices.len(),
        excerpts,
        encoded_bytes: encoded,
        length: measured,
    };
    println!("{}", serde_json::to_string(&counted)?);
    Ok(())
}

//! The measured videos.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::run::finish;

pub(crate) const SLICE_SECONDS: u32 = 30;

/// Root of the workspace.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The default if `GIFGEN_BENCH_VIDEO` is not set: 56 s of Big Buck Bunny, H.264 1080p. The file is
/// outside the workspace.
const DEFAULT_VIDEO: &str = "../shared/media/perf_bbb_1080p24_56s.mp4";

/// Seconds by which a copied stream may end late, because packets are stored in decoding order.
const REORDERING: f64 = 0.2;

/// FFmpeg seeks almost this many seconds before the given time in formats without an index by pts,
/// such as Matroska.
const SEEK_SLACK: f64 = 0.14;

/// A video file.
#[derive(Debug)]
pub struct Clip {
    /// Path of the file.
    pub path: PathBuf,
    /// Duration in seconds.
    pub seconds: f64,
    _folder: Option<TempDir>,
}

impl Clip {
    /// The video in `GIFGEN_BENCH_VIDEO`, or the default one, or a test picture if that is missing
    /// too.
    ///
    /// # Errors
    /// The video cannot be read.
    pub fn chosen() -> Result<Self> {
        if let Some(video) = env::var_os("GIFGEN_BENCH_VIDEO").filter(|video| !video.is_empty()) {
            // Cargo runs benchmarks in the package's folder, but users give paths relative to the
            // workspace.
            return Self::open(Path::new(WORKSPACE).join(video), None);
        }
        let default = Path::new(WORKSPACE).join(DEFAULT_VIDEO);
        if default.is_file() {
            return Self::open(default, None);
        }
        eprintln!("Measuring a test picture: set GIFGEN_BENCH_VIDEO to a video of yours");
        Self::test_picture()
    }

    /// The videos on the command line, or else the [chosen](Self::chosen) one.
    ///
    /// # Errors
    /// A video cannot be read.
    pub fn named() -> Result<Vec<Self>> {
        // Cargo adds `--bench` to the arguments.
        let names: Vec<_> = env::args_os()
            .skip(1)
            .filter(|arg| !arg.to_string_lossy().starts_with("--"))
            .collect();
        if names.is_empty() {
            return Ok(vec![Self::chosen()?]);
        }
        names
            .into_iter()
            .map(|name| Self::open(Path::new(WORKSPACE).join(name), None))
            .collect()
    }

    /// Cuts the first `seconds` of this video, or slightly more, into a new file.
    ///
    /// # Errors
    /// FFmpeg fails.
    pub fn beginning(&self, seconds: u32) -> Result<Self> {
        self.cut(0.0, f64::from(seconds))
    }

    /// Cuts a slice of about 30 s into a new file. It starts with the last keyframe at or before
    /// `start`; the second value is that start. It is slightly shorter than 30 s. Otherwise some
    /// methods would make a second slice, or another number of pictures.
    ///
    /// # Errors
    /// FFmpeg fails.
    pub fn slice(&self, start: u32) -> Result<(Self, f64)> {
        let seconds = f64::from(SLICE_SECONDS) - REORDERING;
        if start == 0 {
            return Ok((self.cut(0.0, seconds)?, 0.0));
        }
        let keyframe = self.keyframe_before(start)?;
        let slice = self.cut(keyframe + SEEK_SLACK, seconds - SEEK_SLACK)?;
        Ok((slice, keyframe))
    }

    /// Pts of the last keyframe at or before `second`.
    fn keyframe_before(&self, second: u32) -> Result<f64> {
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-select_streams", "V:0"]);
        command.args(["-read_intervals", &format!("{second}%+#1")]);
        command.args(["-show_entries", "packet=pts_time", "-of", "csv=p=0"]);
        let said = finish(command.arg(&self.path))?.stdout;
        let said = String::from_utf8_lossy(&said);
        let time = said.split([',', '\n']).next().unwrap_or_default();
        time.trim()
            .parse()
            .with_context(|| format!("{} has no keyframe before {second} s", self.path.display()))
    }

    /// Copies `seconds` from `start`, beginning with the keyframe before it.
    fn cut(&self, start: f64, seconds: f64) -> Result<Self> {
        let folder = tempfile::tempdir().context("failed to make a folder for the clip")?;
        // Matroska holds every codec.
        let path = folder.path().join("cut.mkv");
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error"]);
        if start > 0.0 {
            command.args(["-ss", &start.to_string()]);
        }
        command.args(["-t", &seconds.to_string(), "-i"]);
        command.arg(&self.path);
        finish(command.args(["-map", "0:V:0", "-c", "copy"]).arg(&path))?;
        Self::open(path, Some(folder))
    }

    fn test_picture() -> Result<Self> {
        let folder = tempfile::tempdir().context("failed to make a folder for the clip")?;
        let path = folder.path().join("test-picture.mp4");
        // MPEG-4, because every FFmpeg can encode it.
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-f", "lavfi"]);
        command.args(["-i", "testsrc2=size=1920x1080:rate=24:duration=56"]);
        finish(command.args(["-c:v", "mpeg4", "-q:v", "5"]).arg(&path))?;
        Self::open(path, Some(folder))
    }

    fn open(path: PathBuf, folder: Option<TempDir>) -> Result<Self> {
        ensure!(
            path.is_file(),
            "no file {}; name a video in GIFGEN_BENCH_VIDEO",
            path.display()
        );
        // `benches/../..` reads badly in the table's title.
        let path = fs::canonicalize(&path).unwrap_or(path);
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-show_entries", "format=duration"]);
        let said = finish(command.args(["-of", "csv=p=0"]).arg(&path))?.stdout;
        let seconds = String::from_utf8_lossy(&said).trim().parse();
        Ok(Self {
            seconds: seconds.with_context(|| format!("{} has no duration", path.display()))?,
            path,
            _folder: folder,
        })
    }
}

//! The videos that are measured.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{run::finish, sequential::SLICE_SECONDS};

/// The workspace.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What is measured unless `GIFGEN_BENCH_VIDEO` names a video: 56 s of Big Buck Bunny, H.264
/// 1080p. It lies beside the workspace and not in it.
const DEFAULT_VIDEO: &str = "../shared/media/perf_bbb_1080p24_56s.mp4";

/// Seconds by which a copied stream may end later than it was told to: pictures are stored in
/// the order in which they are decoded.
const REORDERING: f64 = 0.2;

/// FFmpeg seeks so many seconds, and a little less, before the time it is told in formats
/// without an index by presentation time, such as Matroska.
const SEEK_SLACK: f64 = 0.14;

/// A video.
#[derive(Debug)]
pub struct Clip {
    /// The file.
    pub path: PathBuf,
    /// Length in seconds.
    pub seconds: f64,
    _folder: Option<TempDir>,
}

impl Clip {
    /// The video that `GIFGEN_BENCH_VIDEO` names, or the default one, or a test picture where
    /// that is missing too.
    ///
    /// # Errors
    /// If the video cannot be read.
    pub fn chosen() -> Result<Self> {
        if let Some(video) = env::var_os("GIFGEN_BENCH_VIDEO").filter(|video| !video.is_empty()) {
            // Cargo runs benchmarks in the package's folder, but people type paths as they
            // stand at the workspace's.
            return Self::open(Path::new(WORKSPACE).join(video), None);
        }
        let default = Path::new(WORKSPACE).join(DEFAULT_VIDEO);
        if default.is_file() {
            return Self::open(default, None);
        }
        eprintln!("Measuring a test picture: set GIFGEN_BENCH_VIDEO to a video of yours");
        Self::test_picture()
    }

    /// The videos that the command line names, or else the one that is [chosen](Self::chosen).
    ///
    /// # Errors
    /// If a video cannot be read.
    pub fn named() -> Result<Vec<Self>> {
        // Cargo adds `--bench` to what it is given.
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

    /// The first `seconds` of this video, or a little more, in a file of their own.
    ///
    /// # Errors
    /// If FFmpeg fails.
    pub fn beginning(&self, seconds: u32) -> Result<Self> {
        self.cut(0.0, f64::from(seconds))
    }

    /// The slice of about 30 s that starts with the last keyframe at or before `start`, in a file
    /// of its own, and where that is. It is a little shorter than 30 s, or else some way would
    /// make a second slice, or another number of pictures.
    ///
    /// # Errors
    /// If FFmpeg fails.
    pub fn slice(&self, start: u32) -> Result<(Self, f64)> {
        let seconds = f64::from(SLICE_SECONDS) - REORDERING;
        if start == 0 {
            return Ok((self.cut(0.0, seconds)?, 0.0));
        }
        let keyframe = self.keyframe_before(start)?;
        let slice = self.cut(keyframe + SEEK_SLACK, seconds - SEEK_SLACK)?;
        Ok((slice, keyframe))
    }

    /// Time of the last keyframe at or before `second`.
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

    /// What is between `start` and `seconds` later, as it is, from the keyframe before.
    fn cut(&self, start: f64, seconds: f64) -> Result<Self> {
        let folder = tempfile::tempdir().context("failed to make a folder for the clip")?;
        // Every codec fits into Matroska.
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
        // MPEG-4, because every FFmpeg can write it.
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

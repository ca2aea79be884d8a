//! The videos that are measured.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::run::finish;

/// The workspace.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What is measured unless `GIFGEN_BENCH_VIDEO` names a video: 56 s of Big Buck Bunny, H.264
/// 1080p. It lies beside the workspace and not in it.
const DEFAULT_VIDEO: &str = "../shared/media/perf_bbb_1080p24_56s.mp4";

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

    /// The first `seconds` of this video, or a little more, in a file of their own.
    ///
    /// # Errors
    /// If FFmpeg fails.
    pub fn beginning(&self, seconds: u32) -> Result<Self> {
        let folder = tempfile::tempdir().context("failed to make a folder for the clip")?;
        // Every codec fits into Matroska.
        let path = folder.path().join("beginning.mkv");
        let mut command = Command::new("ffmpeg");
        command
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(&self.path);
        command.args(["-map", "0:V:0", "-c", "copy", "-t", &seconds.to_string()]);
        finish(command.arg(&path))?;
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
        let said = finish(command.args(["-of", "csv=p=0"]).arg(&path))?;
        let seconds = String::from_utf8_lossy(&said).trim().parse();
        Ok(Self {
            seconds: seconds.with_context(|| format!("{} has no duration", path.display()))?,
            path,
            _folder: folder,
        })
    }
}

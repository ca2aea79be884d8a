//! Makes a test video that replaces a source of which only the event is at hand.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

#[derive(Debug, thiserror::Error)]
pub enum TestPictureError {
    /// FFmpeg cannot be started.
    #[error("failed to start {}", ffmpeg.display())]
    Start {
        /// The program.
        ffmpeg: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// FFmpeg fails.
    #[error("FFmpeg failed to make a test picture ({said}); name a video with --video")]
    Failed {
        /// FFmpeg's error output.
        said: String,
    },
}

/// Makes a small video of `seconds` in `folder` from FFmpeg's test picture, which shows its own time. It
/// tries `ffmpeg` first. The FFmpeg of the Lambda layer encodes no video, so the one on PATH is tried
/// next.
///
/// # Errors
/// The first one's error if both fail.
pub fn make(ffmpeg: &Path, seconds: f64, folder: &Path) -> Result<PathBuf, TestPictureError> {
    make_with(ffmpeg, seconds, folder)
        .or_else(|error| make_with(Path::new("ffmpeg"), seconds, folder).map_err(|_| error))
}

fn make_with(ffmpeg: &Path, seconds: f64, folder: &Path) -> Result<PathBuf, TestPictureError> {
    let video = folder.join("test-picture.mp4");
    let source = format!("testsrc2=size=320x180:rate=10:duration={seconds}");
    // Every FFmpeg but minimal builds has the MPEG-4 encoder.
    let output = Command::new(ffmpeg)
        .args([
            "-nostdin", "-y", "-v", "error", "-f", "lavfi", "-i", &source,
        ])
        .args(["-c:v", "mpeg4", "-q:v", "4"])
        .arg(&video)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| TestPictureError::Start {
            ffmpeg: ffmpeg.to_owned(),
            source,
        })?;
    if output.status.success() {
        Ok(video)
    } else {
        Err(TestPictureError::Failed {
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}

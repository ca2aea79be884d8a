//! Test videos that FFmpeg makes.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// A video in a directory of its own.
pub(super) struct Made {
    directory: TempDir,
    pub file: PathBuf,
}

impl Made {
    /// A moving picture of so many seconds, ten pictures a second, with these options of the encoder.
    pub(super) fn new(encoder: &[&str], seconds: u32) -> Self {
        let source = format!("mandelbrot=size=320x180:rate=10:end_scale=0.01,trim=end={seconds}");
        Self::of(&source, encoder, "mkv")
    }

    /// The pictures of a graph of filters.
    pub(super) fn of(source: &str, encoder: &[&str], ending: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(format!("made.{ending}"));
        let mut ffmpeg = ffmpeg();
        ffmpeg.args(["-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p"]);
        run(ffmpeg.args(encoder).arg(&file));
        Self { directory, file }
    }

    /// The same packets in an MP4.
    pub(super) fn mp4(&self) -> PathBuf {
        self.remuxed("mp4")
    }

    /// The same packets in another container.
    pub(super) fn remuxed(&self, ending: &str) -> PathBuf {
        let file = self.directory.path().join(format!("remuxed.{ending}"));
        let mut ffmpeg = ffmpeg();
        ffmpeg.arg("-i").arg(&self.file).args(["-c", "copy"]);
        run(ffmpeg.arg(&file));
        file
    }

    /// Where packet `n` is in `file`.
    pub(super) fn packet(&self, file: &Path, n: usize) -> Range<usize> {
        let mut ffprobe = Command::new("ffprobe");
        ffprobe.args(["-v", "error", "-select_streams", "v", "-of", "csv=p=0"]);
        ffprobe.args(["-show_entries", "packet=size,pos"]).arg(file);
        let output = ffprobe.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().nth(n).unwrap();
        let numbers: Vec<usize> = line
            .trim_end_matches(',')
            .split(',')
            .map(|n| n.parse().unwrap())
            .collect();
        numbers[1]..numbers[1] + numbers[0]
    }
}

fn ffmpeg() -> Command {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y"]);
    ffmpeg
}

fn run(ffmpeg: &mut Command) {
    let output = ffmpeg.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

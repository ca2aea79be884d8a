//! Runs the program `gifgen` and reads its output.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use image::{AnimationDecoder, codecs::gif::GifDecoder};
use serde_json::Value;

/// The program, without arguments.
pub fn gifgen() -> Command {
    Command::new(env!("CARGO_BIN_EXE_gifgen"))
}

/// Runs `gifgen run --json` for GIFs and stills alone, unless the flags say otherwise. Returns the exit code, the summary
/// and standard error.
pub fn run(videos: &[PathBuf], out: &Path, flags: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = gifgen();
    command.env("OVERVIEW", "none").env("FRAMES", "each");
    run_by(command, videos, out, flags)
}

/// The same with everything that is made by default.
pub fn run_all(videos: &[PathBuf], out: &Path, flags: &[&str]) -> (Option<i32>, Value, String) {
    run_by(gifgen(), videos, out, flags)
}

fn run_by(
    mut command: Command,
    videos: &[PathBuf],
    out: &Path,
    flags: &[&str],
) -> (Option<i32>, Value, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .args(["run", "--json", "-o"])
        .arg(out)
        .args(flags)
        .arg("--")
        .args(videos)
        .output()
        .unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    let summary = serde_json::from_slice(&stdout)
        .unwrap_or_else(|error| panic!("no summary ({error}): {stderr}"));
    (status.code(), summary, stderr)
}

/// Runs FFmpeg to make a test video.
pub fn ffmpeg<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args)
        .status()
        .unwrap();
    assert!(status.success());
}

/// Sorted names of the files in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.collect())
        .unwrap_or_else(|_| Vec::new())
        .into_iter()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Full pictures of a GIF as a viewer shows them, each with its delay in milliseconds.
pub fn pictures(gif: &Path) -> Vec<(image::RgbaImage, u32)> {
    let file = std::io::BufReader::new(std::fs::File::open(gif).unwrap());
    GifDecoder::new(file)
        .unwrap()
        .into_frames()
        .map(|frame| {
            let frame = frame.unwrap();
            let (numerator, denominator) = frame.delay().numer_denom_ms();
            (frame.into_buffer(), numerator / denominator)
        })
        .collect()
}

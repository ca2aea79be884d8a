//! Runs FFmpeg and the GIF encoder for one slice, and judges the result.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use gifgen_child::Ending;
use gifgen_encoder::Stages;
use gifgen_function::TransientError;
use gifgen_probe::{
    LoggedPicture, PictureLog, Remarks, complaints, ignored_an_overflow, marks_a_picture,
    printed_number, says_pictures_change, was_short_of_memory,
};
use gifgen_shared::{Gifs, Rejection, VideoStream, blocking::blocking};
use rustix::{fs::statvfs, process::Signal};

use crate::{
    decoded::Decoded,
    error::{JobError, PermanentError},
    ffmpeg_args::Rendering,
    gif::{self, GifError},
    inspection::{remove_mark, write_mark},
    launch::Launch,
    outputs::{Outputs, check},
    product::Product,
    raw_pictures::{RawOutput, Reading},
    tone_map::{LUT_FILE, ToneMap},
};

/// If less than this is free, in bytes, a failure counts as a full disk.
const DISK_FULL_BYTES: u64 = 1024 * 1024;

/// Most lines of FFmpeg's log in an error.
const SAID_LINES: usize = 3;

/// Most characters of FFmpeg's log in an error.
const SAID_CHARACTERS: usize = 500;

/// What FFmpeg 8 logs after every failure. The cause is in an earlier line.
const AFTERMATH: [&str; 4] = [
    "Terminating thread with return code",
    "Nothing was written into output file",
    "Task finished with error code",
    "Conversion failed!",
];

/// Signals after a crash, or after a file over the size limit. A retry would fail too.
const CRASHES: [Signal; 6] = [
    Signal::SEGV,
    Signal::ABORT,
    Signal::FPE,
    Signal::ILL,
    Signal::BUS,
    Signal::XFSZ,
];

/// Bytes of a source that the block cache keeps while FFmpeg reads through the proxy, rounded up.
const SOURCE_KEPT_BYTES: u64 = 72 * 1024 * 1024;

/// A smaller part of the width that pictures would be too wide or too narrow is not seen.
const MAX_DISTORTION: f64 = 0.02;

/// Exit codes for a program that cannot be run, for example because a library is missing.
const NOT_RUN: [i32; 2] = [126, 127];

/// Why FFmpeg did not render a slice.
pub(crate) enum FfmpegError {
    /// No right picture is on screen at the slice's start, so the input must start further back.
    StartsTooLate,
    /// For any other reason.
    Failed(JobError),
}

/// A run of FFmpeg that ended by itself, and what it reported.
pub(crate) struct Ran {
    /// The outputs, or why they are no good.
    pub outcome: Result<Files, PermanentError>,
    /// When the decoded pictures start.
    pub decoded: Decoded,
    /// Whether FFmpeg logged errors or marked a picture.
    pub complained: bool,
    /// Whether the size or the format of the pictures changes.
    pub changes: bool,
    /// Whether H.264's decoder hints that the numbers of pictures skip.
    pub numbers_skip: bool,
    /// Whether only a strict decoder tells which pictures are damaged.
    pub ignored_an_overflow: bool,
}

/// A rendered slice.
pub(crate) struct Files {
    /// What it has if previews were wanted.
    pub outputs: Outputs,
    /// The raw pictures, in order, if those were wanted.
    pub raw: Vec<Vec<u8>>,
    /// How long before the slice's start the first decoded picture is, in seconds.
    pub decoded_before: f64,
    /// Whether pictures were left out or got another time.
    pub is_repaired: bool,
    /// Wall time of the GIF's encoding, which overlaps with FFmpeg's run.
    pub encoding: Stages,
}

/// Renders into the directory of `launch`.
pub(crate) async fn run_ffmpeg(launch: Launch<'_>) -> Result<Ran, JobError> {
    let args = launch.rendering.args();
    run(launch, args, &mut |_| {}).await
}

/// The same, and lists the decoded pictures. They are decoded in one thread.
pub(crate) async fn run_ffmpeg_listing(
    launch: Launch<'_>,
) -> Result<(Ran, Vec<LoggedPicture>), JobError> {
    let directory = launch.directory;
    let mark = write_mark(directory).await?;
    let args = launch.rendering.listing_args(&mark);
    let mut log = PictureLog::new(mark.clone());
    let ran = run(launch, args, &mut |line| log.line(line)).await;
    remove_mark(directory, &mark).await?;
    Ok((ran?, log.into_pictures()))
}

/// Runs FFmpeg. `hear` gets each line of its log.
async fn run(
    launch: Launch<'_>,
    args: Vec<OsString>,
    hear: &mut (dyn FnMut(&str) + Send),
) -> Result<Ran, JobError> {
    let (directory, rendering) = (launch.directory, launch.rendering);
    let reading = Reading::of(&rendering).map_err(PermanentError::Rejected)?;
    let video = rendering.spec.video;
    if let Some(tone_map) = ToneMap::of(&video.colour) {
        write_table(tone_map, directory.join(LUT_FILE)).await?;
    }
    let program = launch.program(args);
    let bound = program.memory;
    let gif_directory = directory.to_owned();
    let mut remarks = Remarks::default();
    let is_kept = |line: &str| {
        hear(line);
        remarks.keeps(line)
    };
    let mut finished = gifgen_child::run_reading(program, is_kept, move |pictures| {
        reading.read(pictures, &gif_directory)
    })
    .await
    .map_err(TransientError::FfmpegNotStarted)?;
    // If one picture needs more than the limit, the measured peak says nothing.
    finished.near_memory_bound |=
        bound.is_some_and(|bytes| bytes < least_memory(video.width, video.height));
    let complaints = complaints(&finished.stderr);
    let said = last_words(&rendering.input.named_in(&complaints));
    let is_short = was_short_of_memory(&finished, &said, &complaints);
    // Checked first: if the encoder stops reading, FFmpeg fails with a misleading message.
    let raw = finished.stdout?;
    let code = match finished.ending {
        Ending::Exited(code) if NOT_RUN.contains(&code) => {
            return Err(TransientError::FfmpegNotRun { said }.into());
        }
        // FFmpeg logs the same error for lack of memory and for a full disk.
        _ if is_short && is_full(directory) => return Err(TransientError::NoSpace.into()),
        // Even if FFmpeg exited with 0: pictures may be missing.
        _ if is_short => {
            return Err(PermanentError::Rejected(Rejection::out_of_memory()).into());
        }
        Ending::Exited(code) => Ok(code),
        Ending::DeadlinePassed => {
            return Err(TransientError::DeadlinePassed { doing: "rendering" }.into());
        }
        Ending::Killed { signal } => match killed(signal, &said) {
            JobError::Permanent(crash) => Err(crash),
            error => return Err(error),
        },
    };
    let decoded = Decoded::read(directory).map_err(|source| TransientError::WorkDir {
        action: "read",
        source,
    })?;
    let complained = !said.is_empty() || marks_a_picture(&finished.stderr);
    if complained {
        tracing::warn!(
            said,
            start = rendering.spec.slice.start,
            "FFmpeg complained"
        );
    }
    let outcome = match code {
        Ok(0) => finish(&rendering, directory, raw, &decoded, said).await,
        Ok(_) => Err(PermanentError::Undecodable { said }.into()),
        Err(crash) => Err(crash.into()),
    };
    // FFmpeg does not always say so when the disk is full, and can exit with 0.
    let outcome = match outcome {
        Ok(files) => Ok(files),
        Err(JobError::Permanent(_)) if is_full(directory) => {
            return Err(TransientError::NoSpace.into());
        }
        Err(JobError::Permanent(error)) => Err(error),
        Err(error) => return Err(error),
    };
    Ok(Ran {
        outcome,
        decoded,
        complained,
        numbers_skip: remarks.numbers_skip,
        changes: says_pictures_change(&finished.stderr)
            || printed_number(&finished.stderr)
                .is_some_and(|ratio| is_another_shape(ratio, &video)),
        ignored_an_overflow: ignored_an_overflow(&finished.stderr),
    })
}

/// The error for an FFmpeg that `signal` ended, after its last words. Only a crash is the source's fault.
pub(crate) fn killed(signal: i32, said: &str) -> JobError {
    if !CRASHES.iter().any(|crash| crash.as_raw() == signal) {
        return TransientError::FfmpegKilled { signal }.into();
    }
    let said = format!("it crashed with signal {signal}: {said}");
    PermanentError::Undecodable { said }.into()
}

/// Whether pictures with this aspect ratio would be distorted in the size of `video`, which is rounded to whole pixels.
fn is_another_shape(ratio: f64, video: &VideoStream) -> bool {
    let (width, height) = (f64::from(video.width), f64::from(video.height));
    (ratio * height - width).abs() > (width * MAX_DISTORTION).max(2.0)
}

/// Writes the table that FFmpeg tone-maps with.
async fn write_table(tone_map: ToneMap, path: PathBuf) -> Result<(), TransientError> {
    let write = move || fs::write(path, tone_map.cube());
    let written = blocking(write).await;
    written.map_err(|source| TransientError::WorkDir {
        action: "write to",
        source,
    })
}

/// Finishes the GIF, and checks all outputs of an FFmpeg that exited with 0.
async fn finish(
    rendering: &Rendering<'_>,
    directory: &Path,
    raw: RawOutput,
    decoded: &Decoded,
    said: String,
) -> Result<Files, JobError> {
    let first = decoded.0.first().copied().unwrap_or_default();
    let mut files = Files {
        outputs: Outputs::default(),
        raw: Vec::new(),
        decoded_before: -first,
        is_repaired: !rendering.repairs.retimings.is_empty(),
        encoding: Stages::default(),
    };
    match raw {
        RawOutput::Gif(gif) => {
            files.encoding = match blocking(move || gif::finish(*gif)).await {
                Ok(stages) => stages,
                // `check` reports the GIF without a header, and quotes FFmpeg's log.
                Err(GifError::NoPicture) => Stages::default(),
                Err(error) => return Err(error.into()),
            }
        }
        RawOutput::Pictures(pictures) => files.raw = pictures,
        RawOutput::None => {}
    }
    let wrong = |found: String| PermanentError::WrongOutput { found, said };
    match rendering.product {
        Product::Previews => {
            let outputs = check(rendering.spec, directory);
            files.outputs = outputs.map_err(|found| wrong(found.to_string()))?;
        }
        Product::Raw(product) if !product.has_all(&files.raw) => {
            let found = format!("{} raw pictures, not {}", files.raw.len(), product.most());
            return Err(wrong(found).into());
        }
        Product::Raw(_) => {}
    }
    Ok(files)
}

/// How much this process grows while FFmpeg runs, in bytes.
pub(crate) fn reserve(rendering: &Rendering<'_>) -> u64 {
    let spec = rendering.spec;
    let pictures = match rendering.product {
        Product::Raw(raw) => raw.bytes(),
        Product::Previews if spec.settings.gifs == Gifs::Each => gif::memory(spec),
        Product::Previews => 0,
    };
    SOURCE_KEPT_BYTES + pictures
}

/// Least memory, in bytes, for FFmpeg to decode pictures of this size: FFmpeg itself, and four pictures
/// at three bytes a pixel. With less, FFmpeg may report a picture as damaged.
fn least_memory(width: u32, height: u32) -> u64 {
    const FFMPEG: u64 = 24 * 1024 * 1024;
    FFMPEG + 4 * 3 * u64::from(width) * u64::from(height)
}

fn is_full(directory: &Path) -> bool {
    statvfs(directory).is_ok_and(|disk| disk.f_bavail * disk.f_frsize < DISK_FULL_BYTES)
}

/// The last distinct lines of `text`, joined. Lines that name a cause are preferred.
fn last_words(text: &str) -> String {
    let says_why = |line: &&str| !AFTERMATH.iter().any(|words| line.contains(words));
    let mut lines = last_lines(text.lines().filter(says_why));
    if lines.is_empty() {
        lines = last_lines(text.lines());
    }
    lines.reverse();
    let words: String = lines.join("; ");
    words.chars().take(SAID_CHARACTERS).collect()
}

/// The last different lines that are not empty, the last one first.
fn last_lines<'a>(lines: impl DoubleEndedIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut last: Vec<&str> = Vec::new();
    for line in lines.rev().map(str::trim) {
        if last.len() == SAID_LINES {
            break;
        }
        if !line.is_empty() && !last.contains(&line) {
            last.push(line);
        }
    }
    last
}

impl<E: Into<JobError>> From<E> for FfmpegError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_ffmpeg_ever_gets_is_enough_for_1080p_and_not_for_4k() {
        let least = 64 * 1024 * 1024;
        assert!(least_memory(1920, 1080) < least);
        assert!(least_memory(3840, 2160) > least);
    }

    #[test]
    fn the_last_different_lines_are_quoted() {
        let said = "a\nb\nc\nc\n\nd\nc\n";
        assert_eq!(last_words(said), "b; d; c");
    }

    #[test]
    fn what_follows_from_every_failure_is_quoted_only_if_nothing_else_was_said() {
        let after = "[vost#0:0/rawvideo @ 0x1] Terminating thread with return code -22 (Invalid argument)\n\
                     [out#0/rawvideo @ 0x2] Nothing was written into output file, because of that.\n";
        let said = format!("[vp9 @ 0x3] Failed to read frame header.\n{after}");
        assert_eq!(
            last_words(&said),
            "[vp9 @ 0x3] Failed to read frame header."
        );
        assert!(last_words(after).starts_with("[vost#0:0/rawvideo @ 0x1] Terminating"));
    }
}

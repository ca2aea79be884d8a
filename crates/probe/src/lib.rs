//! Probes a source with ffprobe: which stream is the video, its size and start, and where it really
//! ends.

mod by_ffmpeg;
mod choice;
mod codec_words;
mod colour;
mod components;
mod error;
mod ffmpeg_dump;
mod ffmpeg_input;
mod ffmpeg_log;
mod ffprobe_output;
mod file_signature;
mod format_words;
mod header;
mod look;
mod packets;
mod picture_log;
mod scrambling;
mod stream;

use std::{ffi::OsString, path::Path};

use gifgen_child::{Ending, Finished, Keep, Program, memory};
use gifgen_shared::{Deadline, Header, Reason, Rejection, header::MISSING_SECONDS};

use self::ffprobe_output::{FfprobeOutput, Unanswered};

pub use self::{
    error::ProbeError,
    ffmpeg_input::Input,
    ffmpeg_log::{
        DETAILED_LOG_LEVEL, LOG_LEVEL, Remarks, STRICT, complaints, ignored_an_overflow,
        marks_a_picture, printed_number, says_pictures_change, was_short_of_memory,
    },
    file_signature::{BEGINNING_BYTES, rejection_of},
    header::{Analysis, Found},
    packets::PacketAt,
    picture_log::{LogMark, LoggedPicture, PICTURE_LOG, PictureKind, PictureLog, read_picture_log},
    scrambling::{encrypted, is_scrambled_program_stream},
};

/// What to probe, and with which program.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// Path of ffprobe.
    pub ffprobe: &'a Path,
    /// Path of ffmpeg, for files that ffprobe refuses because of a stream that is not rendered.
    pub ffmpeg: &'a Path,
    /// Where ffprobe reads the source. A read that breaks off looks like the end of the file, so
    /// whoever serves the source must report such an error.
    pub input: Input<'a>,
    /// When all probing must be finished.
    pub deadline: Deadline,
}

/// Limit of ffprobe's captured output, in bytes. The JSON of a source with thousands of streams is
/// cut off, and does not parse.
const OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// Growth of this process while ffprobe runs, in bytes: at most 64 MiB of the source, and a little
/// more.
const RESERVE: u64 = 96 * 1024 * 1024;

/// A time in seconds after every end. FFmpeg then seeks to the last keyframe.
const FAR: f64 = 999_999.0;

/// Seconds before the claimed end to start reading, so that a keyframe is found there.
const NEAR_END_SECONDS: f64 = 5.0;

/// Keeps FFmpeg from reading the container's index, or all fragments of a fragmented MP4, if only
/// the header and the start are needed.
const IGNORE_INDEX: [&str; 2] = ["-fflags", "+ignidx"];

impl Probe<'_> {
    /// The duration of the video stream in seconds, rounded to milliseconds: from the pts of its
    /// first picture to the end of its last. It is read from the packets near the end of the file.
    /// The claimed duration only decides where to look first.
    ///
    /// # Errors
    /// [`ProbeError::Rejected`] if there are no packets, or if the file breaks off before the
    /// claimed end. The other errors are transient.
    pub async fn length(&self, header: &Header) -> Result<f64, ProbeError> {
        let start = header.video.start_time;
        let near_claimed = header
            .claimed_seconds
            .filter(|claimed| *claimed > NEAR_END_SECONDS)
            .map(|claimed| Some(start + claimed - NEAR_END_SECONDS));
        let mut breaks_off = false;
        for from in near_claimed.into_iter().chain([Some(FAR), None]) {
            let tail = self.tail(header.video.index, from).await?;
            breaks_off |= tail.breaks_off;
            let length = tail.end.map(|end| end + header.clock_offset - start);
            let length = length.map(|length| with_unseen_end(length, header));
            let rounded = length.map(|length| (length * 1000.0).round() / 1000.0);
            if let Some(length) = rounded.filter(|length| *length > 0.0) {
                let claimed = header.claimed_seconds.unwrap_or_default();
                if breaks_off && claimed > length + MISSING_SECONDS {
                    return Err(truncated(length, claimed).into());
                }
                return Ok(length);
            }
        }
        Err(Rejection::new(Reason::EmptyVideo, "the video stream holds no pictures").into())
    }

    /// Queries the header or the start of the file.
    async fn ask(&self, questions: &[&str]) -> Result<FfprobeOutput, Unanswered> {
        let mut args: Vec<OsString> = ["-v", LOG_LEVEL, "-show_error", "-of", "json=compact=1"]
            .iter()
            .chain(&IGNORE_INDEX)
            .map(OsString::from)
            .collect();
        args.extend(self.input.args());
        // Behind the input's, so that they count where both limit the analysis.
        args.extend(questions.iter().map(OsString::from));
        let finished = self
            .run(self.ffprobe, args, Keep::First(OUTPUT_BYTES))
            .await?;
        let stderr = self.input.named_in(&finished.stderr);
        let mut output = FfprobeOutput::parse(&finished.stdout, &stderr)?;
        output.near_memory_bound = finished.near_memory_bound;
        Ok(output)
    }

    /// Runs ffprobe or ffmpeg.
    async fn run(
        &self,
        path: &Path,
        args: Vec<OsString>,
        keep: Keep,
    ) -> Result<Finished<Vec<u8>>, ProbeError> {
        let program = Program {
            path,
            args,
            directory: None,
            network: self.input.network(),
            variables: &[],
            stdin: None,
            memory: memory::left(RESERVE),
            deadline: self.deadline,
        };
        let finished = gifgen_child::run(program, keep).await?;
        let complaints = complaints(&finished.stderr);
        if was_short_of_memory(&finished, &finished.stderr, &complaints) {
            return Err(Rejection::out_of_memory().into());
        }
        let interrupted = |reason: String| Err(ProbeError::Interrupted { reason });
        match finished.ending {
            Ending::Exited(_) => Ok(finished),
            Ending::DeadlinePassed => interrupted("took until the deadline".into()),
            // It would crash again.
            Ending::Killed { signal } if finished.ending.is_its_own() => {
                let message = format!("FFmpeg crashes on the file, with signal {signal}");
                Err(Rejection::new(Reason::Unreadable, message).into())
            }
            Ending::Killed { signal } => interrupted(format!("was killed by signal {signal}")),
        }
    }
}

/// The length by the packets, or by the header where that counts pictures. In MXF, FFmpeg gives the packets behind a
/// seek times of their own, which may lack the last few pictures.
fn with_unseen_end(length: f64, header: &Header) -> f64 {
    let counted = header.claimed_seconds.filter(|_| header.container == "mxf");
    let is_near = |claimed: &f64| (0.0..MISSING_SECONDS).contains(&(claimed - length));
    counted.filter(is_near).unwrap_or(length)
}

fn truncated(length: f64, claimed: f64) -> Rejection {
    Rejection::new(
        Reason::Unreadable,
        format!(
            "the file is truncated: it claims {claimed:.1} s and breaks off after {length:.1} s; upload it again"
        ),
    )
}

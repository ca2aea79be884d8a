//! Probes a source with ffprobe: which stream is the video, its size and start, and where it really
//! ends.

mod components;
mod error;
mod ffmpeg_input;
mod ffmpeg_log;
mod ffprobe_output;
mod file_signature;
mod packets;
mod picture_log;

use std::{ffi::OsString, path::Path};

use gifgen_child::{Ending, Finished, Keep, Program, memory};
use gifgen_shared::{Deadline, Header, Reason, Rejection, VideoStream, header::MISSING_SECONDS};

use self::ffprobe_output::FfprobeOutput;

pub use self::{
    error::ProbeError,
    ffmpeg_input::Input,
    ffmpeg_log::{
        LOG_LEVEL, complaints, marks_a_picture, says_pictures_change, was_short_of_memory,
    },
    file_signature::{SIGNATURE_BYTES, rejection_of},
    packets::PacketAt,
    picture_log::{LoggedPicture, PICTURE_LOG, PictureKind, read_picture_log},
};

/// What to probe, and with which program.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// Path of ffprobe.
    pub ffprobe: &'a Path,
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

/// A time after every end. FFmpeg then seeks to the last keyframe.
const FAR: &str = "999999%";

/// Seconds before the claimed end to start reading, so that a keyframe is found there.
const NEAR_END_SECONDS: f64 = 5.0;

/// Keeps FFmpeg from reading the container's index, or all fragments of a fragmented MP4, if only
/// the header and the start are needed.
const IGNORE_INDEX: [&str; 2] = ["-fflags", "+ignidx"];

/// Keeps FFmpeg from applying the edit list of an MP4 file.
const IGNORE_EDITS: [&str; 2] = ["-ignore_editlist", "1"];

/// First analysis of the streams, in microseconds. Without it FFmpeg analyzes five to seven seconds
/// of formats without a header, but one second shows everything in nearly all files.
const SHORT_ANALYSIS: [&str; 2] = ["-analyzeduration", "1000000"];

/// Containers in which FFmpeg seeks to guessed byte positions, between keyframes; and how many
/// seconds earlier to seek. 10 s is the longest keyframe distance that HLS packagers use.
const BLIND_SEEK: [(&str, u32); 2] = [("mpegts", 10), ("mpeg", 10)];

impl Probe<'_> {
    /// Reads the container's header and the first pictures, and chooses the stream to render: the
    /// default video stream, or else the first. Cover art does not count.
    ///
    /// # Errors
    /// [`ProbeError::Rejected`] if the source is not a video that can be rendered. The other errors
    /// are transient.
    pub async fn header(&self) -> Result<Header, ProbeError> {
        let mut output = self.streams(&SHORT_ANALYSIS).await?;
        let is_enough = output
            .video_stream()
            .and_then(|stream| output.displayed_size(stream));
        if is_enough.is_err() {
            output = self.streams(&[]).await?;
        }
        let format = output.format()?;
        let stream = output.video_stream()?;
        let (width, height) = output.displayed_size(stream)?;
        // If packets have no pts, FFmpeg guesses them from what it analyzed.
        let is_timed = format.format_name == "mpegts";
        let analysis = if is_timed { &SHORT_ANALYSIS[..] } else { &[] };
        let mut head = self.head(stream.index, analysis).await;
        let is_empty = |error: &ProbeError| {
            let rejected = matches!(error, ProbeError::Rejected(rejection) if rejection.reason == Reason::EmptyVideo);
            rejected && format.format_name.contains("mov")
        };
        if head.as_ref().is_err_and(is_empty) {
            // FFmpeg takes an edit that lasts to the end for one that shows nothing.
            head = self.head(stream.index, &IGNORE_EDITS).await;
        }
        let head = head?;
        if format.format_name == "gif" && head.packets == 1 {
            return Err(Rejection::new(
                Reason::NotAVideo,
                "a GIF of one picture is a still image; upload a video",
            )
            .into());
        }
        let video = VideoStream {
            index: stream.index,
            start_time: head.first_picture,
            width,
            height,
            interlaced: stream.is_interlaced(),
            seek_margin: BLIND_SEEK
                .iter()
                .find(|(name, _)| *name == format.format_name)
                .map_or(0, |(_, margin)| *margin),
        };
        if !video.is_plausible() {
            let start = video.start_time;
            return Err(Rejection::new(
                Reason::Unreadable,
                format!(
                    "it is said to be {width}x{height} and to start at {start} s, which cannot be"
                ),
            )
            .into());
        }
        Ok(Header {
            video,
            codec: stream.codec_name.clone().unwrap_or_default(),
            container: format.format_name.clone(),
            claimed_seconds: format.claimed_seconds(),
            clock_offset: head.clock_offset(),
        })
    }

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
            .map(|claimed| format!("{:.3}%", start + claimed - NEAR_END_SECONDS));
        let everything = "%".to_owned();
        let mut breaks_off = false;
        for from in near_claimed.into_iter().chain([FAR.to_owned(), everything]) {
            let tail = self.tail(header.video.index, &from).await?;
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

    /// Reads the container, its video streams, and the first packets. `analysis` are FFmpeg's
    /// arguments for how much to analyze.
    async fn streams(&self, analysis: &[&str]) -> Result<FfprobeOutput, ProbeError> {
        let questions = [
            "-select_streams",
            "V",
            "-show_entries",
            "format=format_name,nb_streams,duration:\
             stream=index,codec_name,width,height,sample_aspect_ratio,field_order:\
             stream_disposition=default:stream_side_data=rotation",
        ];
        self.ask(&[analysis, &questions].concat()).await
    }

    /// Queries the header or the start of the file.
    async fn ask(&self, questions: &[&str]) -> Result<FfprobeOutput, ProbeError> {
        let mut args: Vec<OsString> = ["-v", LOG_LEVEL, "-show_error", "-of", "json=compact=1"]
            .iter()
            .chain(&IGNORE_INDEX)
            .chain(questions)
            .map(OsString::from)
            .collect();
        args.extend(self.input.args());
        let finished = self.run(args, Keep::First(OUTPUT_BYTES)).await?;
        let stderr = self.input.named_in(finished.stderr.trim());
        let mut output = FfprobeOutput::parse(&finished.stdout, stderr)?;
        output.near_memory_bound = finished.near_memory_bound;
        Ok(output)
    }

    async fn run(&self, args: Vec<OsString>, keep: Keep) -> Result<Finished<Vec<u8>>, ProbeError> {
        let program = Program {
            path: self.ffprobe,
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
        let finished = Finished {
            stderr: complaints,
            ..finished
        };
        let interrupted = |reason: String| Err(ProbeError::Interrupted { reason });
        match finished.ending {
            Ending::Exited(_) => Ok(finished),
            Ending::DeadlinePassed => interrupted("took until the deadline".into()),
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
            "the file is truncated: it claims {claimed} s and breaks off after {length} s; upload it again"
        ),
    )
}

//! Looks at a source with ffprobe: which stream is the video, how it is shown, when it starts,
//! and where it really ends.

mod answer;
pub mod beginning;
mod components;
mod error;
pub mod ffmpeg_input;
pub mod ffmpeg_log;
mod packets;

use std::{ffi::OsString, path::Path};

use gifgen_child::{Ending, Finished, Keep, Program, memory};
use gifgen_shared::{
    deadline::Deadline,
    header::{Header, MISSING_SECONDS},
    rejection::{Reason, Rejection},
    video_stream::VideoStream,
};

pub use crate::error::ProbeError;
use crate::{
    ffmpeg_input::Input,
    ffmpeg_log::{LOG_LEVEL, complaints, was_short_of_memory},
};

use self::answer::Answer;

/// What to probe, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// The program.
    pub ffprobe: &'a Path,
    /// Where it reads the source. If that breaks off there, the source seems to end: whoever serves
    /// it has to say so.
    pub input: Input<'a>,
    /// When all probing must be over.
    pub deadline: Deadline,
}

/// Most bytes of ffprobe's answer that are kept: a source with thousands of streams is cut off,
/// and its JSON then fails to parse.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// How much this process grows while ffprobe runs, in bytes: by what it keeps of the source
/// (64 MiB at most), and a little.
const RESERVE: u64 = 96 * 1024 * 1024;

/// A time behind every end: FFmpeg then seeks to the last keyframe there is.
const FAR: &str = "999999%";

/// How much before the claimed end to look, in seconds, so that a keyframe is found there.
const NEAR_END_SECONDS: f64 = 5.0;

/// What keeps FFmpeg from reading a container's index, or all fragments of a fragmented MP4, where
/// only its header and its beginning are wanted.
const IGNORE_INDEX: [&str; 2] = ["-fflags", "+ignidx"];

/// How much of the beginning FFmpeg looks into, at first, to find out about the streams, in
/// microseconds. It goes through five to seven seconds of what has no header else, but in nearly all
/// files one shows all there is.
const SHORT_LOOK: [&str; 2] = ["-analyzeduration", "1000000"];

/// Containers in which FFmpeg seeks by guessing at byte positions and lands between keyframes,
/// and how much earlier to seek for a start, in seconds: the longest distance between keyframes
/// that HLS packagers use.
const BLIND_SEEK: [(&str, u32); 2] = [("mpegts", 10), ("mpeg", 10)];

impl Probe<'_> {
    /// Reads the container's header and the first pictures, and chooses the stream to render:
    /// the default video stream, else the first; cover art is none.
    ///
    /// # Errors
    /// [`ProbeError::Rejected`] if the source is no video that can be rendered; the other kinds
    /// are transient.
    pub async fn header(&self) -> Result<Header, ProbeError> {
        let mut answer = self.streams(&SHORT_LOOK).await?;
        let is_enough = answer
            .video_stream()
            .and_then(|stream| answer.displayed_size(stream));
        if is_enough.is_err() {
            answer = self.streams(&[]).await?;
        }
        let format = answer.format()?;
        let stream = answer.video_stream()?;
        let (width, height) = answer.displayed_size(stream)?;
        // Where packets carry no times, FFmpeg guesses them by what it has looked into.
        let is_timed = format.format_name == "mpegts";
        let look = if is_timed { &SHORT_LOOK[..] } else { &[] };
        let head = self.head(stream.index, look).await?;
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

    /// The length of the video stream in seconds, rounded to milliseconds: from its first
    /// picture to the end of its last, by the timestamps of the packets near the end of the
    /// file. What the header claims decides only where to look first.
    ///
    /// # Errors
    /// [`ProbeError::Rejected`] if there are no packets, or if the file breaks off before the
    /// end that it claims; the other kinds are transient.
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

    /// What the header says of the container and its video streams, and the first packets, into which
    /// FFmpeg is to `look`.
    async fn streams(&self, look: &[&str]) -> Result<Answer, ProbeError> {
        let questions = [
            "-select_streams",
            "V",
            "-show_entries",
            "format=format_name,nb_streams,duration:\
             stream=index,codec_name,width,height,sample_aspect_ratio,field_order:\
             stream_disposition=default:stream_side_data=rotation",
        ];
        self.ask(&[look, &questions].concat()).await
    }

    /// Asks about the header or the beginning.
    async fn ask(&self, questions: &[&str]) -> Result<Answer, ProbeError> {
        let mut args: Vec<OsString> = ["-v", LOG_LEVEL, "-show_error", "-of", "json=compact=1"]
            .iter()
            .chain(&IGNORE_INDEX)
            .chain(questions)
            .map(OsString::from)
            .collect();
        args.extend(self.input.args());
        let finished = self.run(args, Keep::First(ANSWER_BYTES)).await?;
        let said = self.input.named_in(finished.stderr.trim());
        let mut answer = Answer::parse(&finished.stdout, said)?;
        answer.near_memory_bound = finished.near_memory_bound;
        Ok(answer)
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

fn truncated(length: f64, claimed: f64) -> Rejection {
    Rejection::new(
        Reason::Unreadable,
        format!(
            "the file is truncated: it claims {claimed} s and breaks off after {length} s; upload it again"
        ),
    )
}

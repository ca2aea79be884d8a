//! The pictures that FFmpeg decoded, read from the log that it writes with [`PICTURE_LOG`].
//!
//! FFmpeg's command line has no other way to say which picture is damaged. It warns of a `corrupt
//! decoded frame` without a time, and collapses repeats. With `-debug_ts` the same thread logs each
//! picture with its time right after that warning. This holds for FFmpeg 5.1 to 8.1, if the decoder
//! has one thread.

use std::{
    hash::{BuildHasher as _, RandomState},
    io::{self, BufRead, Read as _},
    ops::RangeInclusive,
};

use crate::ffmpeg_log::{is_complaint, split_line};

/// Arguments that make FFmpeg log every picture. H.264's decoder tells of missing pictures only at this level.
pub const PICTURE_LOG: [&str; 3] = ["-debug_ts", "-v", "level+debug"];

/// Longest line that is read, in bytes. Longer ones hold a file's metadata.
const LINE_BYTES: u64 = 4096;

/// FFmpeg's warning of a picture that its decoder marks as damaged.
pub(crate) const MARK: &str = "corrupt decoded frame";

/// The warning of the program `ffmpeg` about a packet of which its demuxer lacks a part, or what precedes it.
pub(crate) const BROKEN_PACKET: &str = "corrupt input packet";

/// The errors of the program `ffmpeg` about a packet that its decoder refuses, in 5.1 and in 8.
const REFUSED: [&str; 3] = [
    "Error while decoding stream",
    "Error submitting packet to decoder",
    "Decoding error:",
];

/// What FFmpeg says of its second input, before the name, when it has opened it.
const SECOND_INPUT: &str = "[info] Input #1, yuv4mpegpipe, from '";

/// H.264's decoder, about a unit of the packet that it decodes next: part of an IDR picture.
const IDR: &str = "[debug] nal_unit_type: 5(";

/// H.264's decoder, when the numbers of pictures skip. It goes on with a copy, and marks nothing. The first of the
/// numbers that follow is that of the picture that it begins to decode. It says the same when it starts with a picture
/// that is no IDR picture.
pub(crate) const SKIPPED: (&str, &str) = ("[h264 @ ", "[debug] Frame num gap");

/// What demuxers say that find something else than a packet, and go on behind it. They read ahead, so nothing tells
/// between which pictures that was.
const UNREADABLE: [(&str, &str); 3] = [
    (
        "[matroska,webm @ ",
        "invalid as first byte of an EBML number",
    ),
    ("[flv @ ", "Packet mismatch"),
    ("[mxf @ ", EDIT_UNITS_MISSING),
];

/// The warning of MXF's demuxer.
pub(crate) const EDIT_UNITS_MISSING: &str = "edit unit sync lost";

/// HEVC's decoder, when it lacks the reference of a picture that it begins to decode. It marks that only since
/// FFmpeg 8.
const LACKING: (&str, &str) = ("[hevc @ ", "Could not find ref with POC");

/// Errors of decoders that mark nothing, and what they say of a picture that is damaged.
const UNMARKED: [(&str, &[&str]); 2] = [
    ("cinepak", &["cinepak_decode failed"]),
    (
        "mjpeg",
        &["error y=", "error dc", "error count", "bad vlc", "overread"],
    ),
];

/// Decoders of codecs in which a few bits show an earlier picture again. Its marks are those of that picture.
const REPEATING: [&str; 3] = ["[vp9 @ ", "[libdav1d @ ", "[av1 @ "];

/// A decoder that passes over what it does not understand, without refusing the packet, and what it says then.
const PASSED_OVER: (&str, [&str; 2]) = (
    "[libdav1d @ ",
    ["Unknown OBU type ", "Unknown Metadata OBU type "],
);

/// Types of metadata that anyone may define. <https://aomediacodec.github.io/av1-spec/#metadata-obu-semantics>
const PRIVATE_METADATA: RangeInclusive<u64> = 6..=31;

/// How a picture is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// It refers to no other picture.
    Intra,
    /// It refers to pictures in both directions.
    Between,
    /// It refers to earlier pictures.
    Predicted,
    /// Its decoder does not say.
    Unknown,
}

/// A decoded picture, in the order of presentation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoggedPicture {
    /// Its pts on the container's clock, in seconds. `None` if it has none.
    pub time: Option<f64>,
    /// How it is coded.
    pub kind: PictureKind,
    /// Whether decoding can start with it.
    pub is_keyframe: bool,
    /// Whether the decoder concealed errors in it or lacked its references.
    pub is_marked: bool,
    /// Whether the decoder refused a packet since the picture before.
    pub is_after_refusal: bool,
    /// Whether the demuxer could not read some bytes, before this picture or far before it, so that a hole before it is
    /// a loss.
    pub is_after_unreadable: bool,
    /// Whether the decoder passed over something since the picture before. It may have been a picture, or not.
    pub is_after_passing_over: bool,
    /// Whether the numbers of the pictures skip since the picture before.
    pub is_after_skip: bool,
    /// Whether the decoder lacked a reference since the picture before. It may be that of a picture that is presented
    /// later.
    pub lacks_reference: bool,
    /// Whether it may be an earlier picture that damage makes the decoder show again, so that it is no keyframe even if
    /// it is said to be one.
    pub may_be_repeated: bool,
}

/// The name of an input that FFmpeg opens after the one whose pictures are listed. When it opens a file, FFmpeg logs much
/// of what it finds there as it is, with line breaks, so that a file can imitate lines of the log; but no file knows
/// this name. Behind it, FFmpeg logs such text only where it reads boxes late (fragmented MP4) or side data (NUT).
#[derive(Clone, Debug)]
pub struct LogMark(String);

impl LogMark {
    /// The file that has the name: one picture.
    pub const FILE: &[u8] = b"YUV4MPEG2 W2 H2 F1:1 C420jpeg\nFRAME\n\0\0\0\0\0\0";

    /// A name that nobody can guess.
    pub fn unguessable() -> Self {
        // The standard library seeds its hashes with the system's random numbers.
        let [one, other] = [(); 2].map(|()| RandomState::new().hash_one(0));
        Self(format!("{one:016x}{other:016x}.y4m"))
    }

    /// The name, of hexadecimal digits and an ending.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The arguments of the input.
    pub fn input_args(&self) -> [&str; 4] {
        ["-f", "yuv4mpegpipe", "-i", self.name()]
    }

    fn is_named_in(&self, words: &str) -> bool {
        let name = words.strip_prefix(SECOND_INPUT);
        name.is_some_and(|name| name.starts_with(self.name()))
    }
}

/// Reads a log until `is_enough` of the pictures read so far, or to its end.
///
/// # Errors
/// If the log cannot be read.
pub fn read_picture_log(
    log: impl BufRead,
    mark: &LogMark,
    mut is_enough: impl FnMut(&[LoggedPicture]) -> bool,
) -> io::Result<Vec<LoggedPicture>> {
    let mut log = log;
    let mut reader = LogReader::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if log.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(reader.pictures);
        }
        if reader.line(&String::from_utf8_lossy(&line), mark) && is_enough(&reader.pictures) {
            return Ok(reader.pictures);
        }
    }
}

/// Listens to a log, line by line, while something else is done with FFmpeg's output.
#[derive(Debug)]
pub struct PictureLog {
    mark: LogMark,
    reader: LogReader,
}

impl PictureLog {
    /// Nothing is heard yet. The pictures start behind `mark`.
    pub fn new(mark: LogMark) -> Self {
        let reader = LogReader::default();
        Self { mark, reader }
    }

    /// Hears a line.
    pub fn line(&mut self, line: &str) {
        self.reader.line(line, &self.mark);
    }

    /// The pictures so far.
    pub fn into_pictures(self) -> Vec<LoggedPicture> {
        self.reader.pictures
    }
}

#[derive(Debug, Default)]
struct LogReader {
    pictures: Vec<LoggedPicture>,
    is_marked: bool,
    is_after_refusal: bool,
    is_after_unreadable: bool,
    is_after_passing_over: bool,
    is_after_skip: bool,
    lacks_reference: bool,
    may_be_repeated: bool,
    start: Start,
    is_started: bool,
}

/// With which picture of H.264 its decoder starts.
#[derive(Debug, Default, PartialEq)]
enum Start {
    #[default]
    Unknown,
    Idr,
    Other {
        number: String,
    },
}

impl LogReader {
    /// Reads one line. Returns whether it is a picture.
    fn line(&mut self, line: &str, mark: &LogMark) -> bool {
        let (speakers, words) = split_line(line);
        // The demuxer reads the first packets before.
        self.is_after_unreadable |= UNREADABLE
            .iter()
            .any(|(demuxer, said)| speakers.contains(demuxer) && words.contains(said));
        if !self.is_started {
            self.is_started = mark.is_named_in(words);
            return false;
        }
        if let Some(said) = words.strip_prefix("[info] decoder -> ") {
            if let Some(picture) = self.picture(said) {
                self.pictures.push(picture);
                (self.is_marked, self.is_after_refusal) = (false, false);
                (self.is_after_skip, self.lacks_reference) = (false, false);
                self.is_after_passing_over = false;
                return true;
            }
        } else if words.starts_with("[warning] ") {
            self.is_marked |= words.contains(MARK);
            self.is_after_refusal |= words.contains(BROKEN_PACKET);
        } else if speakers.contains(SKIPPED.0) && words.starts_with(IDR) {
            if self.start == Start::Unknown {
                self.start = Start::Idr;
            }
        } else if speakers.contains(SKIPPED.0)
            && let Some(numbers) = words.strip_prefix(SKIPPED.1)
        {
            let number = numbers.split_ascii_whitespace().next().unwrap_or_default();
            if self.start == Start::Unknown && self.pictures.is_empty() {
                let number = number.to_owned();
                self.start = Start::Other { number };
            }
            let is_start = matches!(&self.start, Start::Other { number: start } if start == number);
            self.is_after_skip |= !is_start || !self.pictures.is_empty();
        } else if is_complaint(words) {
            self.is_after_refusal |= REFUSED.iter().any(|refused| words.contains(refused));
            self.is_after_passing_over |= speakers.contains(PASSED_OVER.0) && passes_over(words);
            self.may_be_repeated |= REPEATING.iter().any(|decoder| speakers.contains(decoder));
            self.lacks_reference |= speakers.contains(LACKING.0) && words.contains(LACKING.1);
            self.is_marked |= UNMARKED.iter().any(|(decoder, errors)| {
                let is_speaker = speakers.contains(&format!("[{decoder} @ "));
                is_speaker && errors.iter().any(|error| words.contains(error))
            });
        }
        false
    }

    /// FFmpeg 5.1 writes `type:video frame_pts:15 frame_pts_time:1.5 … keyframe:1 frame_type:1 time_base:1/10`,
    /// FFmpeg 8 the same without the type, and with `pts`. It rounds seconds to six digits.
    fn picture(&self, said: &str) -> Option<LoggedPicture> {
        let value = |name: &str| {
            said.split_ascii_whitespace()
                .find_map(|field| field.strip_prefix(name)?.strip_prefix(':'))
        };
        if value("type").is_some_and(|kind| kind != "video") {
            return None;
        }
        let pts = value("frame_pts").or_else(|| value("pts"))?;
        Some(LoggedPicture {
            time: seconds(pts, value("time_base")?),
            kind: match value("frame_type")? {
                "1" => PictureKind::Intra,
                "3" => PictureKind::Between,
                "0" => PictureKind::Unknown,
                _ => PictureKind::Predicted,
            },
            is_keyframe: value("keyframe")? == "1",
            is_marked: self.is_marked,
            is_after_refusal: self.is_after_refusal,
            is_after_unreadable: self.is_after_unreadable,
            is_after_passing_over: self.is_after_passing_over,
            is_after_skip: self.is_after_skip,
            lacks_reference: self.lacks_reference,
            may_be_repeated: self.may_be_repeated,
        })
    }
}

/// A time in seconds. `None` if the picture has none.
fn seconds(pts: &str, time_base: &str) -> Option<f64> {
    let (numerator, denominator) = time_base.trim().split_once('/')?;
    let number = |text: &str| text.parse::<f64>().ok();
    let seconds = number(pts)? * number(numerator)? / number(denominator)?;
    seconds.is_finite().then_some(seconds)
}

/// Whether these `words` of a decoder are about something that no encoder writes.
fn passes_over(words: &str) -> bool {
    let [unknown, metadata] = PASSED_OVER.1;
    let private = |kind: &str| {
        let kind = kind.trim().parse();
        kind.is_ok_and(|kind| PRIVATE_METADATA.contains(&kind))
    };
    match words.split_once(metadata) {
        Some((_, kind)) => !private(kind),
        None => words.contains(unknown),
    }
}

#[cfg(test)]
mod tests;

//! The pictures that FFmpeg decoded, read from the log that it writes with [`PICTURE_LOG`].
//!
//! FFmpeg's command line has no other way to say which picture is damaged. It warns of a `corrupt
//! decoded frame` without a time, and collapses repeats. With `-debug_ts` the same thread logs each
//! picture with its time right after that warning. This holds for FFmpeg 5.1 to 8.1, if the decoder
//! has one thread.

use std::{
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

/// H.264's decoder, when the numbers of pictures skip. It goes on with a copy, and marks nothing.
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

/// Reads a log until `is_enough` of the pictures read so far, or to its end.
///
/// # Errors
/// If the log cannot be read.
pub fn read_picture_log(
    log: impl BufRead,
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
        if reader.line(&String::from_utf8_lossy(&line)) && is_enough(&reader.pictures) {
            return Ok(reader.pictures);
        }
    }
}

#[derive(Default)]
struct LogReader {
    pictures: Vec<LoggedPicture>,
    is_marked: bool,
    is_after_refusal: bool,
    is_after_unreadable: bool,
    is_after_passing_over: bool,
    is_after_skip: bool,
    lacks_reference: bool,
    may_be_repeated: bool,
}

impl LogReader {
    /// Reads one line. Returns whether it is a picture.
    fn line(&mut self, line: &str) -> bool {
        let (speakers, words) = split_line(line);
        self.is_after_unreadable |= UNREADABLE
            .iter()
            .any(|(demuxer, said)| speakers.contains(demuxer) && words.contains(said));
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
        } else if words.starts_with(SKIPPED.1) {
            self.is_after_skip |= speakers.contains(SKIPPED.0);
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
mod tests {
    use super::*;

    fn read(log: &str) -> Vec<LoggedPicture> {
        read_picture_log(log.as_bytes(), |_| false).unwrap()
    }

    const GOOD: LoggedPicture = LoggedPicture {
        time: Some(10.0),
        kind: PictureKind::Intra,
        is_keyframe: true,
        is_marked: false,
        is_after_refusal: false,
        is_after_unreadable: false,
        is_after_passing_over: false,
        is_after_skip: false,
        lacks_reference: false,
        may_be_repeated: false,
    };

    #[test]
    fn ffmpeg_5_marks_a_picture_in_the_line_before_it() {
        let pictures = read(
            "[warning] a.mp4: corrupt decoded frame in stream 0\n\
             [info] demuxer -> ist_index:0 type:video pkt_pts:1 pkt_pts_time:9\n\
             [info] decoder -> ist_index:0 type:video frame_pts:2000000 frame_pts_time:10 best_effort_ts:2000000 best_effort_ts_time:10 keyframe:1 frame_type:1 time_base:1/200000\n\
             [info] decoder -> ist_index:0 type:video frame_pts:2020000 frame_pts_time:10.1 best_effort_ts:2020000 best_effort_ts_time:10.1 keyframe:0 frame_type:3 time_base:1/200000\n",
        );
        let marked = LoggedPicture {
            is_marked: true,
            ..GOOD
        };
        let after = LoggedPicture {
            time: Some(10.1),
            kind: PictureKind::Between,
            is_keyframe: false,
            ..GOOD
        };
        assert_eq!(pictures, [marked, after]);
    }

    #[test]
    fn ffmpeg_8_does_so_too_and_names_who_speaks() {
        let by = "[vist#0:0/h264 @ 0x5] [dec:h264 @ 0x6]";
        let picture = "pts:100 pts_time:10 pkt_dts:99 pkt_dts_time:9.9 duration:1 duration_time:0.1 keyframe:1 frame_type:1 time_base:1/10";
        let pictures = read(&format!(
            "{by} [warning] corrupt decoded frame\n{by} [info] decoder -> {picture}\n\
             {by} [error] Error submitting packet to decoder: Invalid data\n{by} [info] decoder -> {picture}\n"
        ));
        assert!(pictures[0].is_marked && !pictures[0].is_after_refusal);
        assert!(!pictures[1].is_marked && pictures[1].is_after_refusal);
    }

    #[test]
    fn times_of_long_films_are_exact_though_ffmpeg_rounds_them_to_six_digits() {
        let pictures = read(
            "[info] decoder -> ist_index:0 type:video frame_pts:1800108000 frame_pts_time:20001.2 keyframe:1 frame_type:1 time_base:1/90000\n\
             [info] decoder -> ist_index:0 type:video frame_pts:1800111003 frame_pts_time:20001.2 keyframe:0 frame_type:2 time_base:1/90000\n\
             [info] decoder -> ist_index:0 type:video frame_pts:NOPTS frame_pts_time:NOPTS keyframe:0 frame_type:2 time_base:1/90000\n",
        );
        let times: Vec<_> = pictures.iter().map(|picture| picture.time).collect();
        assert_eq!(
            times,
            [Some(20_001.2), Some(1_800_111_003.0 / 90_000.0), None]
        );
    }

    #[test]
    fn an_error_counts_only_if_its_decoder_marks_no_picture_itself() {
        let picture = "[info] decoder -> ist_index:0 type:video frame_pts:100 frame_pts_time:10 keyframe:1 frame_type:1 time_base:1/10\n";
        let of = |line: &str| read(&format!("{line}\n{picture}"))[0];
        assert!(of("[hevc @ 0x55] [error] Could not find ref with POC 71").lacks_reference);
        assert!(of("[cinepak @ 0x55] [error] cinepak_decode failed").is_marked);
        assert_eq!(
            of("[h264 @ 0x55] [error] SEI type 5 size 1600 truncated at 336"),
            GOOD
        );
        assert_eq!(
            of("[mov @ 0x55] [error] Could not find ref with POC 71"),
            GOOD
        );
        assert!(of("[warning] a.ts: corrupt input packet in stream 0").is_after_refusal);
        assert!(of("[h264 @ 0x55] [debug] Frame num gap 6 1").is_after_skip);
        let refused = of("[vp9 @ 0x55] [error] Invalid frame marker");
        assert!(refused.may_be_repeated && !refused.is_after_refusal);
        let passed_over = of("[libdav1d @ 0x55] [error] Unknown OBU type 9 of size 163");
        assert!(passed_over.may_be_repeated && passed_over.is_after_passing_over);
        let metadata = |kind: u32| {
            of(&format!(
                "[libdav1d @ 0x55] [error] Unknown Metadata OBU type {kind}"
            ))
        };
        assert!(metadata(6060).is_after_passing_over && !metadata(31).is_after_passing_over);
        let unreadable = "[matroska,webm @ 0x55] [error] 0x00 at pos 0 (0x0) invalid as first byte of an EBML number";
        assert!(of(unreadable).is_after_unreadable);
        let missing =
            "[mxf @ 0x55] [warning] edit unit sync lost on stream 0, jumping from 143 to 160";
        assert!(of(missing).is_after_unreadable);
    }

    #[test]
    fn metadata_that_looks_like_a_picture_is_none() {
        let spoof = "[info]     title : decoder -> pts:1 keyframe:1 frame_type:1 time_base:1/1\n\
                     [info]           : x\n                : [info] decoder -> pts:1 keyframe:1 frame_type:1 time_base:1/1\n";
        assert!(read(spoof).is_empty());
    }

    #[test]
    fn reading_ends_where_it_is_enough() {
        let line = "[info] decoder -> pts:1 keyframe:1 frame_type:1 time_base:1/1\n";
        let pictures = read_picture_log(line.repeat(9).as_bytes(), |read| read.len() == 4);
        assert_eq!(pictures.unwrap().len(), 4);
    }
}

//! The packets of a stream: the first ones, the last ones, and those in between two times.

use std::{collections::HashMap, ffi::OsString, ops::Range};

use gifgen_child::Keep;
use gifgen_shared::rejection::{Reason, Rejection};

use super::Probe;
use crate::{answer::seconds, error::ProbeError, ffmpeg_log::LOG_LEVEL};

/// Packets that are read and decoded to find the first picture. H.264 and HEVC reorder over at
/// most 16 pictures.
const HEAD_PACKETS: &str = "%+#24";

/// The same where those give no picture: a file cut between keyframes starts with packets that
/// are not shown or cannot be decoded. Enough for 16 seconds at 60 pictures a second.
const LONG_HEAD_PACKETS: &str = "%+#1000";

/// Most bytes of a packet list that are kept from its end. A line has some 70 bytes, so the
/// reordering of the last pictures is well inside.
const TAIL_BYTES: usize = 64 * 1024;

/// Most bytes of a packet list that are kept from its beginning: half of it holds the longest
/// slice at 60 pictures a second, 900 s, and as much may come before, from its keyframe on.
const LIST_BYTES: usize = 8 * 1024 * 1024;

/// How much farther than a time packets are read, in seconds. ffprobe stops at the first packet
/// that is shown later, but packets lie in the order of decoding: those of pictures between two
/// that they refer to come after both. 16 pictures are reordered at most, so this does for each
/// rate from 1.6 pictures a second on.
const REORDERED_SECONDS: f64 = 10.0;

/// What FFmpeg's demuxers say when the file ends before they expect it to (MOV, Matroska).
const BREAKS_OFF: [&str; 2] = ["partial file", "File ended prematurely"];

/// The first packets and pictures of a stream.
pub(super) struct Head {
    first_packet: f64,
    /// Timestamp of the first picture, in seconds.
    pub first_picture: f64,
    /// How many packets there are, of those that were asked for.
    pub packets: usize,
    decode_clock: bool,
}

impl Head {
    /// How far the packets' clock is behind the pictures', in seconds.
    pub fn clock_offset(&self) -> f64 {
        if self.decode_clock {
            self.first_picture - self.first_packet
        } else {
            0.0
        }
    }
}

/// The last packets of a stream.
pub(super) struct Tail {
    /// The end of the last one, in seconds; `None` if there are none.
    pub end: Option<f64>,
    /// Whether the file ends before its demuxer expects it to.
    pub breaks_off: bool,
}

impl Probe<'_> {
    /// The first packets and pictures of stream `index`, where FFmpeg takes such a `look` before.
    pub(super) async fn head(&self, index: u32, look: &[&str]) -> Result<Head, ProbeError> {
        let mut head = self.read_head(index, look, HEAD_PACKETS).await?;
        if head.first_picture.is_infinite() {
            head = self.read_head(index, look, LONG_HEAD_PACKETS).await?;
        }
        if head.first_packet.is_infinite() {
            return Err(Rejection::new(
                Reason::EmptyVideo,
                "the video stream holds no packets with a time",
            )
            .into());
        }
        if head.first_picture.is_infinite() {
            // The workers will find that nothing decodes, and fail.
            head.first_picture = head.first_packet;
        }
        Ok(head)
    }

    async fn read_head(
        &self,
        index: u32,
        look: &[&str],
        interval: &str,
    ) -> Result<Head, ProbeError> {
        let index = index.to_string();
        let questions = [
            "-threads",
            "1",
            "-select_streams",
            &index,
            "-read_intervals",
            interval,
            "-show_entries",
            "packet=pts_time,dts_time,flags:frame=best_effort_timestamp_time",
        ];
        let answer = self.ask(&[look, &questions].concat()).await?;
        let near_memory_bound = answer.near_memory_bound;
        let entries = answer.packets_and_frames;
        let mut head = Head {
            first_packet: f64::INFINITY,
            first_picture: f64::INFINITY,
            packets: 0,
            decode_clock: false,
        };
        let mut pictures = 0;
        for entry in &entries {
            if entry.kind == "frame" {
                pictures += 1;
                let at = seconds(&entry.best_effort_timestamp_time);
                head.first_picture = head.first_picture.min(at.unwrap_or(f64::INFINITY));
            } else if !entry.flags.contains('D') {
                // Packets flagged D lie before an edit list's start and are never shown.
                head.packets += 1;
                head.decode_clock |= entry.pts_time.is_none();
                let at = seconds(&entry.pts_time).or(seconds(&entry.dts_time));
                head.first_packet = head.first_packet.min(at.unwrap_or(f64::INFINITY));
            }
        }
        // dav1d says nothing of pictures that find no memory.
        if near_memory_bound && pictures < head.packets {
            return Err(Rejection::out_of_memory().into());
        }
        Ok(head)
    }

    /// The last packets of stream `index`, looking from the interval's start on.
    pub(super) async fn tail(&self, index: u32, interval: &str) -> Result<Tail, ProbeError> {
        let (packets, said) = self
            .packets(index, interval, Keep::Last(TAIL_BYTES))
            .await?;
        Ok(Tail {
            end: packets.iter().map(|packet| packet.end).reduce(f64::max),
            breaks_off: BREAKS_OFF.iter().any(|words| said.contains(words)),
        })
    }

    /// When the packets of stream `index` are shown that lie within `range`, in seconds on the
    /// container's clock; some outside of it may be among them.
    ///
    /// # Errors
    /// For passing reasons only.
    pub async fn packet_times(
        &self,
        index: u32,
        range: Range<f64>,
    ) -> Result<Vec<f64>, ProbeError> {
        let interval = format!("{:.6}%{:.6}", range.start, range.end + REORDERED_SECONDS);
        let keep = Keep::First(LIST_BYTES);
        let (packets, _) = self.packets(index, &interval, keep).await?;
        Ok(packets.iter().map(|packet| packet.start).collect())
    }

    /// The packets of stream `index` in an interval of ffprobe's, as far as the list is to be
    /// kept, and what ffprobe said.
    async fn packets(
        &self,
        index: u32,
        interval: &str,
        keep: Keep,
    ) -> Result<(Vec<Packet>, String), ProbeError> {
        let mut args: Vec<OsString> = [
            "-v",
            LOG_LEVEL,
            "-select_streams",
            &index.to_string(),
            "-read_intervals",
            interval,
            "-show_entries",
            "packet=pts_time,dts_time,duration_time,flags",
            "-of",
            "compact=print_section=0",
        ]
        .map(OsString::from)
        .into();
        args.extend(self.input.args());
        let finished = self.run(args, keep).await?;
        let lines = String::from_utf8_lossy(&finished.stdout);
        let packets = lines.lines().filter_map(Packet::parse).collect();
        Ok((packets, finished.stderr))
    }
}

/// A packet that is shown.
#[derive(Debug, PartialEq)]
struct Packet {
    start: f64,
    end: f64,
}

impl Packet {
    /// Reads a line of ffprobe's `compact` list; the first one may have lost its beginning.
    fn parse(line: &str) -> Option<Self> {
        let fields: HashMap<&str, &str> =
            line.split('|').filter_map(|f| f.split_once('=')).collect();
        let number = |name| -> Option<f64> { fields.get(name)?.parse().ok() };
        if fields.get("flags")?.contains('D') {
            return None;
        }
        let start = number("pts_time").or(number("dts_time"))?;
        let end = start + number("duration_time").unwrap_or(0.0);
        Some(Self { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_ends_after_its_duration_and_a_discarded_one_not_at_all() {
        let packet = |start, end| Some(Packet { start, end });
        let line = "pts_time=1.5|dts_time=1.4|duration_time=0.04|flags=K_";
        assert_eq!(Packet::parse(line), packet(1.5, 1.54));
        let line = "pts_time=N/A|dts_time=1.4|duration_time=N/A|flags=__";
        assert_eq!(Packet::parse(line), packet(1.4, 1.4));
        let line = "pts_time=1.5|duration_time=0.04|flags=KD";
        assert_eq!(Packet::parse(line), None);
        assert_eq!(Packet::parse("1.4|duration_ti"), None);
    }
}

//! The packets of a stream: the first, the last, and those within a time range.

use std::{collections::HashMap, ffi::OsString, ops::Range};

use gifgen_child::Keep;
use gifgen_shared::{Reason, Rejection};

use super::Probe;
use crate::{error::ProbeError, ffmpeg_log::LOG_LEVEL, ffprobe_output::seconds};

/// Packets that are decoded to find the first picture. H.264 and HEVC reorder at most 16 pictures.
const HEAD_PACKETS: &str = "%+#24";

/// Used if those give no picture: a file cut between keyframes starts with packets that are not
/// shown or not decodable. Enough for 16 s at 60 pictures per second.
const LONG_HEAD_PACKETS: &str = "%+#1000";

/// Bytes kept from the end of a packet list. A line has some 110 bytes, so the reordered last
/// pictures are well inside.
const TAIL_BYTES: usize = 64 * 1024;

/// Bytes kept from the start of a packet list. Half of that holds the longest slice, 900 s at 60
/// pictures per second; the other half is for packets since its keyframe.
const LIST_BYTES: usize = 12 * 1024 * 1024;

/// Seconds of packets that are read past the range. ffprobe stops at the first packet with a later
/// pts, but packets are in decoding order: B-frames come after both pictures that they refer to. At
/// most 16 pictures are reordered, so this suffices from 1.6 pictures per second on.
const REORDERED_SECONDS: f64 = 10.0;

/// FFmpeg's messages if a file ends before the demuxer expects it (MOV, Matroska).
const BREAKS_OFF: [&str; 2] = ["partial file", "File ended prematurely"];

/// The first packets and pictures of a stream.
pub(super) struct Head {
    first_packet: f64,
    /// Pts of the first picture, in seconds.
    pub first_picture: f64,
    /// Number of packets read, without those that are never shown.
    pub packets: usize,
    has_dts_only: bool,
}

impl Head {
    /// How far the packets' timestamps are behind the pictures' pts, in seconds.
    pub fn clock_offset(&self) -> f64 {
        if self.has_dts_only {
            self.first_picture - self.first_packet
        } else {
            0.0
        }
    }
}

/// The last packets of a stream.
pub(super) struct Tail {
    /// End of the last packet, in seconds; `None` if there is none.
    pub end: Option<f64>,
    /// Whether the file ends before its demuxer expects it.
    pub breaks_off: bool,
}

impl Probe<'_> {
    /// Reads the first packets and pictures of stream `index`.
    pub(super) async fn head(&self, index: u32, analysis: &[&str]) -> Result<Head, ProbeError> {
        let mut head = self.read_head(index, analysis, HEAD_PACKETS).await?;
        if head.first_picture.is_infinite() {
            head = self.read_head(index, analysis, LONG_HEAD_PACKETS).await?;
        }
        if head.first_packet.is_infinite() {
            return Err(Rejection::new(
                Reason::EmptyVideo,
                "the video stream holds no packets with a time",
            )
            .into());
        }
        if head.first_picture.is_infinite() {
            // Nothing decodes; the workers will report that.
            head.first_picture = head.first_packet;
        }
        Ok(head)
    }

    async fn read_head(
        &self,
        index: u32,
        analysis: &[&str],
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
        let output = self.ask(&[analysis, &questions].concat()).await?;
        let near_memory_bound = output.near_memory_bound;
        let entries = output.packets_and_frames;
        let mut head = Head {
            first_packet: f64::INFINITY,
            first_picture: f64::INFINITY,
            packets: 0,
            has_dts_only: false,
        };
        let mut pictures = 0;
        for entry in &entries {
            if entry.kind == "frame" {
                pictures += 1;
                let at = seconds(&entry.best_effort_timestamp_time);
                head.first_picture = head.first_picture.min(at.unwrap_or(f64::INFINITY));
            } else if !entry.flags.contains('D') {
                // Packets flagged D are before an edit list's start and are never shown.
                head.packets += 1;
                head.has_dts_only |= entry.pts_time.is_none();
                let at = seconds(&entry.pts_time).or(seconds(&entry.dts_time));
                head.first_packet = head.first_packet.min(at.unwrap_or(f64::INFINITY));
            }
        }
        // dav1d does not report pictures that get no memory.
        if near_memory_bound && pictures < head.packets {
            return Err(Rejection::out_of_memory().into());
        }
        Ok(head)
    }

    /// Reads the packets of stream `index` from the start of the interval on.
    pub(super) async fn tail(&self, index: u32, interval: &str) -> Result<Tail, ProbeError> {
        let (packets, said) = self
            .packets(Some(index), interval, Keep::Last(TAIL_BYTES))
            .await?;
        Ok(Tail {
            end: packets.iter().map(|packet| packet.end).reduce(f64::max),
            breaks_off: BREAKS_OFF.iter().any(|words| said.contains(words)),
        })
    }

    /// The packets within `range`, in seconds on the container's clock, and some packets outside it,
    /// in the order of the file: those of stream `index`, or of all streams.
    ///
    /// # Errors
    /// Transient ones only.
    pub async fn packets_within(
        &self,
        index: Option<u32>,
        range: Range<f64>,
    ) -> Result<Vec<PacketAt>, ProbeError> {
        let interval = format!("{:.6}%{:.6}", range.start, range.end + REORDERED_SECONDS);
        let keep = Keep::First(LIST_BYTES);
        let (packets, _) = self.packets(index, &interval, keep).await?;
        Ok(packets.into_iter().map(|packet| packet.at).collect())
    }

    /// Reads the packets of stream `index`, or of all, in an ffprobe interval, as many as `keep` allows. Also
    /// returns ffprobe's error lines.
    async fn packets(
        &self,
        index: Option<u32>,
        interval: &str,
        keep: Keep,
    ) -> Result<(Vec<Packet>, String), ProbeError> {
        let mut args: Vec<OsString> = [
            "-v",
            LOG_LEVEL,
            "-read_intervals",
            interval,
            "-show_entries",
            "packet=stream_index,pts_time,dts_time,duration_time,size,pos,flags",
            "-of",
            "compact=print_section=0",
        ]
        .map(OsString::from)
        .into();
        if let Some(index) = index {
            args.extend(["-select_streams".into(), index.to_string().into()]);
        }
        args.extend(self.input.args());
        let finished = self.run(args, keep).await?;
        let lines = String::from_utf8_lossy(&finished.stdout);
        let packets = lines.lines().filter_map(Packet::parse).collect();
        Ok((packets, finished.stderr))
    }
}

/// A packet of a container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PacketAt {
    /// Index of its stream.
    pub stream: u32,
    /// Its pts in seconds on the container's clock; its dts if it has no pts.
    pub time: f64,
    /// Size of its data, in bytes.
    pub size: u64,
    /// Where it is in the file. `None` if its demuxer does not say.
    pub offset: Option<u64>,
}

/// A packet and its end.
#[derive(Debug, PartialEq)]
struct Packet {
    at: PacketAt,
    end: f64,
}

impl Packet {
    /// Parses a line of ffprobe's `compact` list. The first line may be cut.
    fn parse(line: &str) -> Option<Self> {
        let fields: HashMap<&str, &str> =
            line.split('|').filter_map(|f| f.split_once('=')).collect();
        let number = |name| -> Option<f64> { fields.get(name)?.parse().ok() };
        let whole = |name| -> Option<u64> { fields.get(name)?.parse().ok() };
        if fields.get("flags")?.contains('D') {
            return None;
        }
        let time = number("pts_time").or(number("dts_time"))?;
        Some(Self {
            at: PacketAt {
                stream: number("stream_index")? as u32,
                time,
                size: whole("size").unwrap_or_default(),
                offset: whole("pos"),
            },
            end: time + number("duration_time").unwrap_or(0.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_ends_after_its_duration_and_a_discarded_one_not_at_all() {
        let packet = |time, end| {
            let (stream, size, offset) = (1, 700, Some(48));
            let at = PacketAt {
                stream,
                time,
                size,
                offset,
            };
            Some(Packet { at, end })
        };
        let line =
            "stream_index=1|pts_time=1.5|dts_time=1.4|duration_time=0.04|size=700|pos=48|flags=K_";
        assert_eq!(Packet::parse(line), packet(1.5, 1.54));
        let line =
            "stream_index=1|pts_time=N/A|dts_time=1.4|duration_time=N/A|size=700|pos=48|flags=__";
        assert_eq!(Packet::parse(line), packet(1.4, 1.4));
        let line = "stream_index=1|pts_time=1.5|duration_time=0.04|size=700|pos=48|flags=KD";
        assert_eq!(Packet::parse(line), None);
        assert_eq!(Packet::parse("1.4|duration_ti"), None);
    }
}

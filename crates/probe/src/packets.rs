//! The packets of a stream: the last, and those within a time range.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::OsString,
    ops::Range,
};

use gifgen_child::Keep;

use super::Probe;
use crate::{
    error::ProbeError,
    ffmpeg_log::LOG_LEVEL,
    ffprobe_output::{Unanswered, was_not_opened},
};

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

/// The last packets of a stream.
pub(super) struct Tail {
    /// End of the last packet, in seconds; `None` if there is none.
    pub end: Option<f64>,
    /// Whether the file ends before its demuxer expects it.
    pub breaks_off: bool,
}

impl Probe<'_> {
    /// Reads the packets of stream `index` from `start` on, in seconds, or all.
    pub(super) async fn tail(&self, index: u32, start: Option<f64>) -> Result<Tail, ProbeError> {
        let keep = Keep::Last(TAIL_BYTES);
        let (packets, said) = self.packets(Some(index), start, None, keep).await?;
        Ok(Tail {
            end: packets.iter().map(|packet| packet.end).reduce(f64::max),
            breaks_off: BREAKS_OFF.iter().any(|words| said.contains(words)),
        })
    }

    /// The packets within `range`, in seconds on the container's clock, and some packets outside it,
    /// in the order of the file: those of stream `index`, or of all streams. Of all streams there are
    /// none if ffprobe refuses the file.
    ///
    /// # Errors
    /// Transient ones only.
    pub async fn packets_within(
        &self,
        index: Option<u32>,
        range: Range<f64>,
    ) -> Result<Vec<PacketAt>, ProbeError> {
        let end = range.end + REORDERED_SECONDS;
        let (start, keep) = (Some(range.start), Keep::First(LIST_BYTES));
        let (packets, _) = self.packets(index, start, Some(end), keep).await?;
        Ok(packets.into_iter().map(|packet| packet.at).collect())
    }

    /// The streams that have packets from second `start` on, within some `seconds`. Covers are left out.
    pub(super) async fn streams_from(
        &self,
        start: f64,
        seconds: u32,
    ) -> Result<BTreeSet<u32>, Unanswered> {
        let interval = format!("{start:.6}%+{seconds}");
        let entries = "packet=stream_index,pts_time,dts_time,flags";
        let keep = Keep::First(LIST_BYTES);
        let (lines, _) = self.list(Some("V"), &interval, entries, keep).await?;
        // FFmpeg seeks to a keyframe before the start, perhaps to one of another stream.
        let index = |line: &str| {
            let at = Packet::parse(line)?.at;
            (at.time >= start).then_some(at.stream)
        };
        Ok(lines.lines().filter_map(index).collect())
    }

    /// Reads the packets of stream `index`, or of all, from `start` to `end`, in seconds, as many as
    /// `keep` allows. Also returns the warnings and errors.
    async fn packets(
        &self,
        index: Option<u32>,
        start: Option<f64>,
        end: Option<f64>,
        keep: Keep,
    ) -> Result<(Vec<Packet>, String), ProbeError> {
        let time = |time: Option<f64>| time.map_or(String::new(), |time| format!("{time:.6}"));
        let interval = format!("{}%{}", time(start), time(end));
        let entries = "packet=stream_index,pts_time,dts_time,duration_time,size,pos,flags";
        let stream = index.map(|index| index.to_string());
        let (lines, said) = self
            .list(stream.as_deref(), &interval, entries, keep)
            .await?;
        if let Some(index) = index
            && lines.is_empty()
            && was_not_opened(&said)
        {
            let seconds = end.map(|end| end - start.unwrap_or(0.0));
            return self.packets_by_ffmpeg(index, start, seconds, keep).await;
        }
        Ok((lines.lines().filter_map(Packet::parse).collect(), said))
    }

    /// Has ffprobe list `entries` of the packets of `streams`, or of all, in an interval, a line for
    /// each. Also returns its warnings and errors.
    async fn list(
        &self,
        streams: Option<&str>,
        interval: &str,
        entries: &str,
        keep: Keep,
    ) -> Result<(String, String), ProbeError> {
        let mut args: Vec<OsString> = [
            "-v",
            LOG_LEVEL,
            "-read_intervals",
            interval,
            "-show_entries",
            entries,
            "-of",
            "compact=print_section=0",
        ]
        .map(OsString::from)
        .into();
        if let Some(streams) = streams {
            args.extend(["-select_streams".into(), streams.into()]);
        }
        args.extend(self.input.args());
        let finished = self.run(self.ffprobe, args, keep).await?;
        let lines = String::from_utf8_lossy(&finished.stdout).into_owned();
        Ok((lines, finished.stderr))
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
    /// Whether the container, or the demuxer's parser, calls it a keyframe.
    pub is_keyframe: bool,
}

/// A packet and its end.
#[derive(Debug, PartialEq)]
pub(crate) struct Packet {
    pub at: PacketAt,
    pub end: f64,
}

impl Packet {
    /// Parses a line of ffprobe's `compact` list. The first line may be cut.
    fn parse(line: &str) -> Option<Self> {
        let fields: HashMap<&str, &str> =
            line.split('|').filter_map(|f| f.split_once('=')).collect();
        let number = |name| -> Option<f64> { fields.get(name)?.parse().ok() };
        let whole = |name| -> Option<u64> { fields.get(name)?.parse().ok() };
        let flags = fields.get("flags")?;
        if flags.contains('D') {
            return None;
        }
        let time = number("pts_time").or(number("dts_time"))?;
        Some(Self {
            at: PacketAt {
                stream: number("stream_index")? as u32,
                time,
                size: whole("size").unwrap_or_default(),
                offset: whole("pos"),
                is_keyframe: flags.contains('K'),
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
        let packet = |time, end, is_keyframe| {
            let (stream, size, offset) = (1, 700, Some(48));
            let at = PacketAt {
                stream,
                time,
                size,
                offset,
                is_keyframe,
            };
            Some(Packet { at, end })
        };
        let line =
            "stream_index=1|pts_time=1.5|dts_time=1.4|duration_time=0.04|size=700|pos=48|flags=K_";
        assert_eq!(Packet::parse(line), packet(1.5, 1.54, true));
        let line =
            "stream_index=1|pts_time=N/A|dts_time=1.4|duration_time=N/A|size=700|pos=48|flags=__";
        assert_eq!(Packet::parse(line), packet(1.4, 1.4, false));
        let line = "stream_index=1|pts_time=1.5|duration_time=0.04|size=700|pos=48|flags=KD";
        assert_eq!(Packet::parse(line), None);
        assert_eq!(Packet::parse("1.4|duration_ti"), None);
    }
}

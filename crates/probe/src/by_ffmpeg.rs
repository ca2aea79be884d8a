//! Probing by ffmpeg, where ffprobe refuses a file. ffprobe opens a decoder for each stream and exits if
//! one does not open: that of a cover in a codec that is not allowed, or of a sound that it does not
//! know. ffmpeg opens the decoders of the streams that it is to decode.

use std::ffi::OsString;

use gifgen_child::Keep;
use gifgen_shared::Header;

use super::Probe;
use crate::{
    choice::choose,
    error::ProbeError,
    ffmpeg_dump,
    ffmpeg_log::LOG_LEVEL,
    ffprobe_output::damaged,
    header::{header_of, hopeful, refuse_without_look},
    look::{Beginning, Look},
    packets::{Packet, PacketAt},
};

/// Errors, warnings and the description of the file.
const INFO_LEVEL: &str = "level+info";

/// Packets that are read to find the time of the first.
const FIRST_PACKETS: &str = "24";

/// Bytes kept of a list.
const LIST_BYTES: usize = 64 * 1024;

/// The flag of keyframes (`AV_PKT_FLAG_KEY`).
const KEYFRAME: u32 = 1;

/// The flag of packets before an edit list's start (`AV_PKT_FLAG_DISCARD`).
const DISCARDED: u32 = 4;

/// What the muxer prints in place of a missing time (`AV_NOPTS_VALUE`).
const NO_TIME: i64 = i64::MIN;

/// Prints the pts of each decoded picture on standard output.
const LIST_PICTURES: &str =
    "metadata=mode=add:key=t:value=1,metadata=mode=print:file=-,scale=16:16";

impl Probe<'_> {
    /// The header, by ffmpeg.
    pub(crate) async fn header_by_ffmpeg(&self) -> Result<Header, ProbeError> {
        // Without an output it describes the file and exits.
        let finished = self
            .ffmpeg(INFO_LEVEL, &[], &[], Keep::First(LIST_BYTES))
            .await?;
        let (format, streams) = ffmpeg_dump::parse(&finished.1).ok_or_else(damaged)?;
        refuse_without_look(&format, &streams)?;
        let mut look = Look::default();
        for stream in hopeful(&streams) {
            let beginning = self.beginning(stream.index).await?;
            look.streams.insert(stream.index, beginning);
        }
        let choice = choose(&streams, &look, |_| None)?;
        Ok(header_of(&format, choice, &finished.1)?)
    }

    /// The first packets and the first picture of stream `index`.
    async fn beginning(&self, index: u32) -> Result<Beginning, ProbeError> {
        let map = format!("0:{index}");
        let list = [
            "-map",
            &map,
            "-c",
            "copy",
            "-copyinkf",
            "-frames:v",
            FIRST_PACKETS,
        ];
        let keep = Keep::First(LIST_BYTES);
        let (packets, _) = self.ffmpeg(LOG_LEVEL, &[], &list, keep).await?;
        let packets = parse(&packets, index);
        let picture = ["-map", &map, "-vf", LIST_PICTURES, "-frames:v", "1"];
        let (pictures, _) = self.ffmpeg(LOG_LEVEL, &[], &picture, keep).await?;
        let pts = |line: &str| line.rsplit_once("pts_time:")?.1.trim().parse::<f64>().ok();
        let pictures: Vec<f64> = pictures.lines().filter_map(pts).collect();
        let earliest = |times: &mut dyn Iterator<Item = f64>| times.fold(f64::INFINITY, f64::min);
        Ok(Beginning {
            first_packet: earliest(&mut packets.iter().map(|(packet, _)| packet.at.time)),
            first_picture: earliest(&mut pictures.iter().copied()),
            packets: packets.len(),
            pictures: pictures.len(),
            has_dts_only: packets.iter().any(|(_, has_pts)| !has_pts),
            ..Beginning::default()
        })
    }

    /// The packets of stream `index` from `start` on, or all, for `seconds` or to the end. Also returns
    /// FFmpeg's warnings and errors.
    pub(crate) async fn packets_by_ffmpeg(
        &self,
        index: u32,
        start: Option<f64>,
        seconds: Option<f64>,
        keep: Keep,
    ) -> Result<(Vec<Packet>, String), ProbeError> {
        let (start, seconds) = (
            start.map(|start| format!("{start:.6}")),
            seconds.map(|seconds| format!("{seconds:.6}")),
        );
        let mut seek = Vec::new();
        if let Some(start) = &start {
            seek.extend(["-noaccurate_seek", "-seek_timestamp", "1", "-ss", start]);
        }
        if let Some(seconds) = &seconds {
            seek.extend(["-t", seconds]);
        }
        let map = format!("0:{index}");
        let list = ["-map", &map, "-c", "copy", "-copyinkf"];
        let (packets, said) = self.ffmpeg(LOG_LEVEL, &seek, &list, keep).await?;
        let packets = parse(&packets, index).into_iter().map(|(packet, _)| packet);
        Ok((packets.collect(), said))
    }

    /// Runs ffmpeg with these options before the input, and after it, for a list on standard output.
    /// Returns that list and the log.
    async fn ffmpeg(
        &self,
        level: &str,
        before: &[&str],
        output: &[&str],
        keep: Keep,
    ) -> Result<(String, String), ProbeError> {
        let options = [
            "-nostdin",
            "-hide_banner",
            "-nostats",
            "-copyts",
            "-v",
            level,
        ];
        let options = options.iter().chain(&["-threads", "1"]).chain(before);
        let mut args: Vec<OsString> = options.map(OsString::from).collect();
        args.extend(self.input.args());
        if !output.is_empty() {
            let list = output.iter().chain(&["-f", "framecrc", "pipe:1"]);
            args.extend(list.map(OsString::from));
        }
        let finished = self.run(self.ffmpeg, args, keep).await?;
        let list = String::from_utf8_lossy(&finished.stdout).into_owned();
        Ok((list, finished.stderr))
    }
}

/// The packets of `stream` in a list by the muxer `framecrc`, and whether each has a pts. The first line may
/// be cut. Discarded packets are left out.
fn parse(list: &str, stream: u32) -> Vec<(Packet, bool)> {
    let mut tick = 0.0;
    let mut packets = Vec::new();
    for line in list.lines() {
        if let Some(base) = line.strip_prefix("#tb 0: ") {
            let (numerator, denominator) = base.split_once('/').unwrap_or((base, "1"));
            let number = |text: &str| text.trim().parse::<f64>().unwrap_or(0.0);
            tick = number(numerator) / number(denominator);
        }
        packets.extend(packet(line, stream, tick));
    }
    packets
}

/// Parses a line such as `0, -2048, 0, 512, 2924, 0x4c863e9b, F=0x0`.
fn packet(line: &str, stream: u32, tick: f64) -> Option<(Packet, bool)> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let [_, dts, pts, duration, size, _, rest @ ..] = &cells[..] else {
        return None;
    };
    let flags = rest.iter().find_map(|cell| cell.strip_prefix("F=0x"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags, 16).ok());
    if flags.is_some_and(|flags| flags & DISCARDED != 0) {
        return None;
    }
    let time = |text: &str| text.parse::<i64>().ok().filter(|time| *time != NO_TIME);
    let (pts, dts) = (time(pts), time(dts));
    let start = pts.or(dts)? as f64 * tick;
    let end = start + time(duration).unwrap_or(0) as f64 * tick;
    let at = PacketAt {
        stream,
        time: start,
        size: size.parse().unwrap_or_default(),
        offset: None,
        // Only other flags than just that one are listed.
        is_keyframe: flags.is_none_or(|flags| flags & KEYFRAME != 0),
    };
    Some((Packet { at, end }, pts.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gives_the_times_of_packets_that_are_shown() {
        let list = "#software: Lavf59.27.100\n#tb 0: 1/100\n#media_type 0: video\n\
                    0,      -20,        0,       50,     2924, 0x4c863e9b\n\
                    0,      -10,       40,       50,      935, 0x9394c0c3, F=0x4\n\
                    0,       50, -9223372036854775808, 5,  12, 0x00000000, F=0x0\n";
        let packet = |time, end, size, is_keyframe| {
            let (stream, offset) = (1, None);
            let at = PacketAt {
                stream,
                time,
                size,
                offset,
                is_keyframe,
            };
            Packet { at, end }
        };
        let wanted = [
            (packet(0.0, 0.5, 2924, true), true),
            (packet(0.5, 0.55, 12, false), false),
        ];
        assert_eq!(parse(list, 1), wanted);
    }
}

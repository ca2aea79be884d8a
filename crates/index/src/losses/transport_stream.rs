//! Lost and scrambled packets of a transport stream.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};
use gifgen_shared::Piece;

use super::MAX_BYTES;
use crate::mpegts::packet::{Layout, PACKET_BYTES, SYNC};

/// So many packets in a row are no chance.
const SURE_PACKETS: usize = 4;

/// Bytes of one read.
const READ_BYTES: u64 = 1024 * 1024;

/// Units of the video between two pictures that FFmpeg's demuxer finds: theirs, and those of their second fields.
/// In more there are pictures that it passed over.
const MAX_UNITS: usize = 4;

/// Bytes before a range that are examined as well, for the packet before it.
const BEFORE_BYTES: u64 = 64 * 1024;

/// Whether packets of the stream to which the packet at `start` belongs are lost, damaged or scrambled up to `end`, or
/// to the end of the transport stream. Or whether they hold pictures that FFmpeg's demuxer passed over: it found none
/// between the packets at `start` and `end`. The packet at `end` is examined, too, because its counter shows what is
/// lost before it.
///
/// # Errors
/// If the source cannot be read.
pub async fn transport_stream_loses(
    blocks: &BlockCache,
    start: u64,
    end: Option<u64>,
) -> Result<bool, ReadError> {
    let max_units = end.map_or(usize::MAX, |_| MAX_UNITS);
    loses_between(blocks, start, end, max_units).await
}

/// Whether packets of the stream to which the packet at the start of `range` belongs are lost, damaged or scrambled up
/// to the packet at its end.
///
/// # Errors
/// If the source cannot be read.
pub async fn transport_stream_breaks(
    blocks: &BlockCache,
    range: Range<u64>,
) -> Result<bool, ReadError> {
    loses_between(blocks, range.start, Some(range.end), usize::MAX).await
}

/// As [`transport_stream_loses`], for the video in `range` and just before it. `pieces` are the parts of the file,
/// each with a stream of its own; between two of them nothing is lost.
///
/// # Errors
/// If the source cannot be read.
pub async fn pieces_lose(
    blocks: &BlockCache,
    pieces: &[Piece],
    range: Range<u64>,
) -> Result<bool, ReadError> {
    let Some(layout) = Layout::read(blocks).await? else {
        return Ok(false);
    };
    let range = range.start.saturating_sub(BEFORE_BYTES)..range.end;
    let ends = pieces.iter().skip(1).map(|piece| piece.from);
    for (piece, end) in pieces.iter().zip(ends.chain([u64::MAX])) {
        let part = layout.align(range.start.max(piece.from))..range.end.min(end);
        let pid = u16::try_from(piece.stream).ok();
        if !part.is_empty() && loses(blocks, layout, pid, part, usize::MAX).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where the packet starts that FFmpeg says to be at `offset`: at the 188 bytes before its end, less the size of all.
fn packet_at(layout: Layout, offset: u64) -> u64 {
    layout.align(offset + layout.size - PACKET_BYTES as u64)
}

/// Whether the stream of the packet at `start` loses something up to the packet at `end`, or to the end of all. FFmpeg
/// tells both offsets.
async fn loses_between(
    blocks: &BlockCache,
    start: u64,
    end: Option<u64>,
    max_units: usize,
) -> Result<bool, ReadError> {
    let Some(layout) = Layout::read(blocks).await? else {
        return Ok(false);
    };
    let end = end.map_or(blocks.reader().len(), |end| {
        packet_at(layout, end) + layout.size
    });
    let range = packet_at(layout, start)..end;
    loses(blocks, layout, None, range, max_units).await
}

/// Whether packets of the stream `pid`, or else of that of the first packet, are lost in `range`, which starts with a
/// packet, or whether more than `max_units` units of it start there.
async fn loses(
    blocks: &BlockCache,
    layout: Layout,
    pid: Option<u16>,
    range: Range<u64>,
    max_units: usize,
) -> Result<bool, ReadError> {
    let mut start = range.start;
    let end = range.end.min(start + MAX_BYTES);
    let mut continuity = Continuity {
        pid,
        ..Continuity::default()
    };
    // Stray bytes are told by what follows.
    let ahead = layout.size * SURE_PACKETS as u64;
    while start < end {
        let bytes = blocks
            .read(start..end.min(start + READ_BYTES) + ahead)
            .await?;
        let last = (end - start).min(READ_BYTES) as usize;
        let mut at = 0;
        while at < last
            && let Some(packet) = layout.raw_packets(&bytes[at..]).next()
        {
            at += match packet {
                [SYNC, ..] if continuity.breaks(packet) => return Ok(true),
                [SYNC, ..] => layout.size as usize,
                _ => match stray_bytes(&bytes[at..], layout) {
                    Some(stray) => stray,
                    None => return Ok(true),
                },
            };
        }
        if at == 0 {
            break;
        }
        start += at as u64;
    }
    Ok(continuity.units > max_units)
}

/// How many bytes, fewer than a packet has, stand before the next packet in `bytes`. More are lost packets.
fn stray_bytes(bytes: &[u8], layout: Layout) -> Option<usize> {
    let size = layout.size as usize;
    let is_packet = |at: usize| {
        let mut packets = layout.raw_packets(bytes.get(at..)?).take(SURE_PACKETS);
        packets.next().filter(|packet| packet[0] == SYNC)?;
        packets.all(|packet| packet[0] == SYNC).then_some(at)
    };
    (1..size).find_map(is_packet)
}

/// Follows the continuity counter of the stream of the first packet.
#[derive(Debug, Default)]
struct Continuity {
    pid: Option<u16>,
    /// The counter and the bytes of the last packet with data.
    last: Option<(u8, Vec<u8>)>,
    /// How many units start.
    units: usize,
}

impl Continuity {
    /// Whether something is lost before or in `packet`, of 188 bytes.
    fn breaks(&mut self, packet: &[u8]) -> bool {
        let [_, high, low, control, rest @ ..] = packet else {
            return false;
        };
        let pid = u16::from_be_bytes([high & 0x1f, *low]);
        if *self.pid.get_or_insert(pid) != pid {
            return false;
        }
        // The transport error indicator, and the scrambling control.
        if high & 0x80 != 0 || control & 0xc0 != 0 {
            return true;
        }
        let counter = control & 0x0f;
        let has_payload = control & 0x10 != 0;
        let has_adaptation = control & 0x20 != 0;
        // The discontinuity indicator.
        let restarts = has_adaptation
            && matches!(rest, [length, flags, ..] if *length > 0 && flags & 0x80 != 0);
        let is_next = match &self.last {
            None => true,
            // Without data the counter stands still.
            Some((last, _)) if !has_payload => counter == *last,
            // A packet may come twice. By chance another one has the same counter.
            Some((last, bytes)) if counter == *last => bytes.ends_with(data(packet)),
            Some((last, _)) => counter == (last + 1) & 0x0f,
        };
        if has_payload {
            let is_repeated = self.last.as_ref().is_some_and(|(last, _)| *last == counter);
            self.units += usize::from(high & 0x40 != 0 && !is_repeated);
            self.last = Some((counter, packet.to_vec()));
        } else if restarts {
            self.last = None;
        }
        !is_next && !restarts
    }
}

/// The data of a packet, behind its adaptation field.
fn data(packet: &[u8]) -> &[u8] {
    let field = match packet {
        [_, _, _, control, length, ..] if control & 0x20 != 0 => 1 + usize::from(*length),
        _ => 0,
    };
    packet.get(4 + field..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pid: u8, control: u8) -> Vec<u8> {
        let mut packet = vec![0x47, 0, pid, control];
        packet.resize(188, 0xff);
        packet
    }

    fn breaks(packets: &[Vec<u8>]) -> bool {
        let mut continuity = Continuity::default();
        packets.iter().any(|packet| continuity.breaks(packet))
    }

    #[test]
    fn counters_that_go_on_or_repeat_lose_nothing() {
        let whole = [0x1e, 0x1f, 0x10, 0x10, 0x20, 0x11].map(|control| packet(7, control));
        assert!(!breaks(&whole));
        let of_another = [packet(7, 0x11), packet(8, 0x19), packet(7, 0x12)];
        assert!(!breaks(&of_another));
    }

    #[test]
    fn counters_that_jump_and_scrambled_and_damaged_packets_are_a_loss() {
        assert!(breaks(&[packet(7, 0x11), packet(7, 0x13)]));
        assert!(breaks(&[packet(7, 0x11), packet(7, 0xd2)]));
        let mut sixteen_later = packet(7, 0x11);
        sixteen_later[100] = 0;
        assert!(breaks(&[packet(7, 0x11), sixteen_later]));
        let mut damaged = packet(7, 0x12);
        damaged[1] |= 0x80;
        assert!(breaks(&[packet(7, 0x11), damaged]));
    }

    #[test]
    fn units_are_counted_without_those_of_others_and_without_repeats() {
        let unit = |pid, control| {
            let mut unit = packet(pid, control);
            unit[1] |= 0x40;
            unit
        };
        let mut continuity = Continuity::default();
        for packet in [
            unit(7, 0x11),
            packet(7, 0x12),
            unit(8, 0x11),
            unit(7, 0x13),
            unit(7, 0x13),
        ] {
            assert!(!continuity.breaks(&packet));
        }
        assert_eq!(continuity.units, 2);
    }

    #[test]
    fn a_jump_that_is_announced_is_none() {
        let mut announced = packet(7, 0x39);
        (announced[4], announced[5]) = (1, 0x80);
        assert!(!breaks(&[packet(7, 0x11), announced]));
        // In a packet without data, before the one that jumps.
        let mut announced = packet(7, 0x25);
        (announced[4], announced[5]) = (183, 0x80);
        assert!(!breaks(&[packet(7, 0x11), announced, packet(7, 0x19)]));
    }

    #[test]
    fn a_few_stray_bytes_between_packets_are_no_loss() {
        const LAYOUT: Layout = Layout {
            size: 188,
            first: 0,
        };
        let packets = [0x11, 0x12, 0x13, 0x14, 0x15].map(|control| packet(7, control));
        let behind = |stray: usize| [vec![0; stray], packets.concat()].concat();
        assert_eq!(stray_bytes(&behind(100), LAYOUT), Some(100));
        assert_eq!(stray_bytes(&behind(188), LAYOUT), None);
    }

    #[test]
    fn a_packet_is_where_ffmpeg_says_in_all_layouts() {
        let of = |size, said| packet_at(Layout { size, first: 0 }, said);
        assert_eq!(of(188, 3 * 188), 3 * 188);
        assert_eq!(of(192, 3 * 192), 3 * 192);
        assert_eq!(of(204, 3 * 204 - 16), 3 * 204);
    }
}

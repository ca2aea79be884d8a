//! The packets of a transport stream, and the timestamps in them.

use std::collections::BTreeMap;

use gifgen_reader::{BlockCache, ReadError};

use crate::search::align;

/// Ticks of a timestamp in a second.
pub(crate) const TIMESCALE: f64 = 90_000.0;

/// A clock that runs back by less, in ticks, is a muxer's fault.
pub(crate) const MAX_BACK: i64 = 90_000;

/// Timestamps have 33 bits.
pub(crate) const WRAP: i64 = 1 << 33;

/// From this pts on, libavformat takes timestamps for wrapped around.
pub(crate) const WRAP_PTS: i64 = WRAP / 8 * 7;

/// Bytes at the start of a file that show its layout, as to FFmpeg.
const LAYOUT_BYTES: u64 = 8192;

/// Size of a packet, in bytes, without what some kinds of files put around it.
pub(crate) const PACKET_BYTES: usize = 188;

/// The first byte of each packet.
pub(crate) const SYNC: u8 = 0x47;

/// How many packets in a row prove a layout.
const PROOF: usize = 8;

/// How packets lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// From one packet to the next, in bytes: 188; 192 with a timestamp before each (Blu-ray, AVCHD); 204 with a
    /// checksum behind each.
    pub size: u64,
    /// Where the first packet starts.
    pub first: u64,
}

/// One packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    /// Where it starts in the bytes, with what stands before it.
    pub(crate) offset: usize,
    /// The id of its stream.
    pub(crate) pid: u16,
    /// Whether a section or a picture starts in it.
    pub(crate) starts_unit: bool,
    /// The bytes of its stream.
    pub(crate) payload: &'a [u8],
}

/// The timestamps of a picture, in 1/90,000 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamps {
    pub(crate) pts: i64,
    pub(crate) dts: i64,
}

impl Layout {
    /// The layout of a source. `None` if it is no transport stream.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn read(blocks: &BlockCache) -> Result<Option<Self>, ReadError> {
        Ok(Self::of(&blocks.read(0..LAYOUT_BYTES).await?))
    }

    /// The layout of the file that starts with `bytes`. `None` if it is no transport stream.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..LAYOUT_BYTES as usize).unwrap_or(bytes);
        let found = [(188, 0), (192, 4), (204, 0)]
            .into_iter()
            .find_map(|(size, before)| {
                let proves = |first: &usize| {
                    let syncs = bytes.iter().skip(first + before).step_by(size);
                    syncs.clone().count() >= PROOF && syncs.take(PROOF).all(|byte| *byte == SYNC)
                };
                (0..size).find(proves).map(|first| (size, first))
            });
        found.map(|(size, first)| Self {
            size: size as u64,
            first: first as u64,
        })
    }

    /// The start of the packet that holds `offset`.
    pub(crate) fn align(self, offset: u64) -> u64 {
        align(offset, self.first, self.size)
    }

    /// The 188 bytes of each packet in `bytes`, which start with one.
    pub(crate) fn raw_packets(self, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        let size = (self.size as usize).max(PACKET_BYTES);
        let before = if size == 192 { 4 } else { 0 };
        let packets = bytes.chunks_exact(size);
        packets.filter_map(move |chunk| chunk.get(before..before + PACKET_BYTES))
    }

    /// The packets in `bytes`, which start with one. Damaged and scrambled packets are skipped, and those that
    /// come twice.
    pub(crate) fn packets(self, bytes: &[u8]) -> impl Iterator<Item = Packet<'_>> {
        let size = (self.size as usize).max(PACKET_BYTES);
        let before = if size == 192 { 4 } else { 0 };
        let packets = bytes.chunks_exact(size).enumerate();
        let mut last: BTreeMap<u16, (u8, &[u8])> = BTreeMap::new();
        packets.filter_map(move |(index, chunk)| {
            let bytes = chunk.get(before..before + PACKET_BYTES)?;
            let packet = packet(index * size, bytes)?;
            let content = (bytes[3], packet.payload);
            (last.insert(packet.pid, content) != Some(content)).then_some(packet)
        })
    }
}

fn packet(offset: usize, bytes: &[u8]) -> Option<Packet<'_>> {
    let [sync, high, low, control, ..] = *bytes else {
        return None;
    };
    // Neither damaged nor scrambled.
    if sync != SYNC || high & 0x80 != 0 || control & 0xc0 != 0 || control & 0x10 == 0 {
        return None;
    }
    let payload = if control & 0x20 == 0 {
        bytes.get(4..)?
    } else {
        bytes.get(5 + usize::from(*bytes.get(4)?)..)?
    };
    Some(Packet {
        offset,
        pid: u16::from_be_bytes([high & 0x1f, low]),
        starts_unit: high & 0x40 != 0,
        payload,
    })
}

/// The timestamp in five bytes, with its marks.
pub(crate) fn timestamp(bytes: [u8; 5]) -> i64 {
    let [a, b, c, d, e] = bytes.map(i64::from);
    (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1
}

/// The ticks from one timestamp to another, which may have wrapped around.
pub(crate) fn step(from: i64, to: i64) -> i64 {
    (to - from + WRAP / 2).rem_euclid(WRAP) - WRAP / 2
}

/// The timestamps in the PES header of a picture, and where its data start behind that header.
pub(crate) fn timestamps(payload: &[u8]) -> Option<(Timestamps, usize)> {
    let [0, 0, 1, _, _, _, flags, which, length, ..] = *payload else {
        return None;
    };
    if flags & 0xc0 != 0x80 {
        return None;
    }
    let at = |at: usize| Some(timestamp(*payload.get(at..)?.first_chunk()?));
    let pts = match which >> 6 {
        2 | 3 => at(9)?,
        _ => return None,
    };
    let dts = if which >> 6 == 3 { at(14)? } else { pts };
    Some((Timestamps { pts, dts }, 9 + usize::from(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_wraps_around_goes_on() {
        assert_eq!(step(WRAP - 90_000, 90_000), 180_000);
        assert_eq!(step(1_800_000, 0), -1_800_000);
    }
}

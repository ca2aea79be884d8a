//! Packets of a transport stream that come twice.
//!
//! The standard allows a packet to be sent twice, with the same counter (ISO/IEC 13818-1, 2.4.3.3). FFmpeg takes
//! the repeat for more of the picture, which spoils it. So repeats become null packets, before FFmpeg reads them.
//! Offsets stay as they are.

use std::collections::HashMap;

use bytes::Bytes;

/// Bytes of a packet.
const PACKET: usize = 188;

/// The first byte of each packet.
const SYNC: u8 = 0x47;

/// How many packets in a row prove a layout.
const PROOF: usize = 8;

/// The pid of null packets.
const NULL_PID: u16 = 0x1fff;

/// Most streams that are followed. More are no real file.
const MAX_STREAMS: usize = 64;

/// Distances from one packet to the next, in bytes, and what stands before a packet.
const LAYOUTS: [(usize, usize); 3] = [(188, 0), (192, 4), (204, 0)];

/// How packets lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketGrid {
    /// From one packet to the next, in bytes.
    size: usize,
    /// Where the first sync byte is.
    first: usize,
}

impl PacketGrid {
    /// The grid of a file that starts with `bytes`. `None` if it is no transport stream.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        LAYOUTS.into_iter().find_map(|(size, before)| {
            let proves = |first: &usize| {
                let syncs = bytes.iter().skip(*first).step_by(size);
                syncs.clone().count() >= PROOF && syncs.take(PROOF).all(|byte| *byte == SYNC)
            };
            let first = (before..size + before).find(proves)?;
            Some(Self { size, first })
        })
    }
}

/// Replaces repeats in a stretch of a transport stream that comes in pieces.
#[derive(Debug)]
pub struct RepeatFilter {
    size: usize,
    /// Bytes until the next sync byte.
    skip: usize,
    /// The start of a packet whose end has not come.
    rest: Vec<u8>,
    /// The last packet with data of each stream.
    last: HashMap<u16, [u8; PACKET]>,
}

impl RepeatFilter {
    /// A filter of a stretch that starts at `offset` in a file with this `grid`.
    pub fn new(grid: PacketGrid, offset: u64) -> Self {
        let (size, first) = (grid.size as u64, grid.first as u64);
        let behind = (offset % size + size - first % size) % size;
        Self {
            size: grid.size,
            skip: ((size - behind) % size) as usize,
            rest: Vec::new(),
            last: HashMap::new(),
        }
    }

    /// The bytes of all packets that are whole with `piece`.
    pub fn push(&mut self, piece: &[u8]) -> Bytes {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(piece);
        let mut at = self.skip;
        while let Some(packet) = bytes.get_mut(at..at + PACKET) {
            self.replace_repeat(packet);
            at += self.size;
        }
        // Whatever is before the next packet, or before one that is cut off, is complete.
        let whole = at.min(bytes.len());
        self.rest = bytes.split_off(whole);
        self.skip = at - whole;
        bytes.into()
    }

    /// The rest, at the end.
    pub fn finish(self) -> Bytes {
        self.rest.into()
    }

    fn replace_repeat(&mut self, packet: &mut [u8]) {
        let [sync, high, low, control, ..] = *packet else {
            return;
        };
        let pid = u16::from_be_bytes([high & 0x1f, low]);
        if sync != SYNC || pid == NULL_PID || control & 0x10 == 0 {
            return;
        }
        let has_room = self.last.len() < MAX_STREAMS;
        match self.last.get_mut(&pid) {
            // The clock in the adaptation field may differ.
            Some(last) if last[3] == control && data(&last[..]) == data(packet) => {
                // Without the flag of a picture's start, by which FFmpeg would take it for a stream of its own.
                [packet[1], packet[2]] = NULL_PID.to_be_bytes();
            }
            Some(last) => last.copy_from_slice(packet),
            None if has_room => {
                if let Ok(packet) = <[u8; PACKET]>::try_from(&*packet) {
                    self.last.insert(pid, packet);
                }
            }
            None => {}
        }
    }
}

/// The data of a packet, behind its adaptation field.
fn data(packet: &[u8]) -> &[u8] {
    let has_adaptation = packet[3] & 0x20 != 0;
    let start = if has_adaptation {
        5 + usize::from(packet[4])
    } else {
        4
    };
    packet.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of the stream 7 with this counter and content.
    fn packet(counter: u8, content: u8) -> Vec<u8> {
        let mut packet = vec![SYNC, 0, 7, 0x10 | counter];
        packet.resize(PACKET, content);
        packet
    }

    fn filtered(file: &[u8], from: usize, pieces: usize) -> Vec<u8> {
        let mut filter = RepeatFilter::new(PacketGrid::of(file).unwrap(), from as u64);
        let mut out = Vec::new();
        for piece in file[from..].chunks(pieces) {
            out.extend(filter.push(piece));
        }
        out.extend(filter.finish());
        out
    }

    #[test]
    fn repeats_become_null_packets_however_the_stream_is_cut() {
        let twice: Vec<u8> = (0..12).flat_map(|n| packet(n, n).repeat(2)).collect();
        let mut wanted = twice.clone();
        for second in (1..24).step_by(2) {
            wanted[second * PACKET + 1..][..2].copy_from_slice(&[0x1f, 0xff]);
        }
        for pieces in [1, 7, 188, 500, 10_000] {
            assert_eq!(filtered(&twice, 0, pieces), wanted, "{pieces}");
            // The first whole packet is at 376.
            assert_eq!(filtered(&twice, 300, pieces), wanted[300..], "{pieces}");
        }
    }

    #[test]
    fn a_null_packet_starts_no_picture() {
        let mut start = packet(0, 9);
        start[1] |= 0x40;
        let file: Vec<u8> = (1..12).flat_map(|n| packet(n, n)).collect();
        let file = [start.repeat(2), file].concat();
        assert_eq!(filtered(&file, 0, 500)[PACKET + 1..][..2], [0x1f, 0xff]);
    }

    #[test]
    fn packets_with_the_same_counter_and_other_data_are_kept() {
        let file: Vec<u8> = (0..12).flat_map(|n| packet(3, n)).collect();
        assert_eq!(filtered(&file, 0, 100), file);
        let single: Vec<u8> = (0..40).flat_map(|n| packet(n % 16, 9)).collect();
        assert_eq!(filtered(&single, 0, 100), single);
    }

    #[test]
    fn what_is_no_transport_stream_has_no_grid() {
        assert_eq!(PacketGrid::of(&[0x47; 100]), None);
        assert_eq!(PacketGrid::of(&[0; 9000]), None);
    }
}

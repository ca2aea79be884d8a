//! The headers of packets, and packets out of bytes that come in any portions.

use std::ops::Range;

use super::packet::{PACKET_BYTES, SYNC};

/// How many sync bytes in a row end a search for the next packet.
const RESYNC: usize = 3;

/// What the header of a packet says. Its times are in 1/90,000 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PacketHeader {
    pub(super) pid: u16,
    /// Whether a section or a picture starts in it.
    pub(super) starts_unit: bool,
    /// Its number among the packets of its stream, modulo 16.
    pub(super) counter: u8,
    /// Whether its stream announces that the clock, or the counter, starts again.
    pub(super) is_discontinuous: bool,
    /// The program's clock (PCR).
    pub(super) pcr: Option<i64>,
    /// Where the PCR is in the packet.
    pub(super) pcr_at: Option<usize>,
    /// Where its payload starts. `None` if it has none, or it is damaged or scrambled.
    pub(super) payload: Option<usize>,
}

impl PacketHeader {
    /// Reads the header of a packet of 188 bytes.
    pub(super) fn read(packet: &[u8]) -> Option<Self> {
        let [sync, high, low, control, rest @ ..] = packet else {
            return None;
        };
        if *sync != SYNC {
            return None;
        }
        let mut header = Self {
            pid: u16::from_be_bytes([high & 0x1f, *low]),
            starts_unit: high & 0x40 != 0,
            counter: control & 0x0f,
            is_discontinuous: false,
            pcr: None,
            pcr_at: None,
            payload: None,
        };
        let mut payload = 4;
        if control & 0x20 != 0 {
            let length = usize::from(*rest.first()?);
            payload = 5 + length;
            let flags = rest.get(1).copied().filter(|_| length > 0).unwrap_or(0);
            header.is_discontinuous = flags & 0x80 != 0;
            if let Some(&[a, b, c, d, e, _]) = rest.get(2..8)
                && flags & 0x10 != 0
                && length >= 7
            {
                let [a, b, c, d, e] = [a, b, c, d, e].map(i64::from);
                header.pcr = Some(a << 25 | b << 17 | c << 9 | d << 1 | e >> 7);
                header.pcr_at = Some(6);
            }
        }
        let is_readable = high & 0x80 == 0 && control & 0xc0 == 0 && control & 0x10 != 0;
        header.payload = Some(payload).filter(|at| is_readable && *at <= packet.len());
        Some(header)
    }
}

/// Cuts bytes, which come in any portions, into packets. Bytes that belong to no packet are skipped.
#[derive(Debug)]
pub(super) struct PacketCutter {
    /// From one packet to the next, in bytes.
    size: usize,
    /// What is left of the last portion, and where it starts in the source.
    bytes: Vec<u8>,
    offset: u64,
}

impl PacketCutter {
    /// A cutter of bytes that start at `offset`. `size` is from one packet to the next, in bytes.
    pub(super) fn new(size: u64, offset: u64) -> Self {
        Self {
            size: (size as usize).max(PACKET_BYTES),
            bytes: Vec::new(),
            offset,
        }
    }

    /// Takes the next `bytes`, and calls `each` with every packet that is whole: where it starts in the source, with
    /// what stands before it; all its bytes; and where the packet itself is in these.
    pub(super) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(u64, &[u8], Range<usize>)) {
        self.bytes.extend_from_slice(bytes);
        let before = if self.size == 192 { 4 } else { 0 };
        let mut at = 0;
        while let Some(unit) = self.bytes.get(at..at + self.size) {
            if unit.get(before) == Some(&SYNC) {
                let start = self.offset + at as u64;
                each(start, unit, before..before + PACKET_BYTES);
                at += self.size;
            } else if self.starts_packets(at + 1 + before) {
                at += 1;
            } else if at + 1 + before + self.size * RESYNC > self.bytes.len() {
                break;
            } else {
                at += 1;
            }
        }
        self.bytes.drain(..at);
        self.offset += at as u64;
    }

    /// Whether packets seem to start at `at` of the bytes.
    fn starts_packets(&self, at: usize) -> bool {
        let syncs = self.bytes.iter().skip(at).step_by(self.size).take(RESYNC);
        syncs.filter(|byte| **byte == SYNC).count() == RESYNC
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(counter: u8) -> Vec<u8> {
        let mut packet = vec![0x11; PACKET_BYTES];
        packet[..4].copy_from_slice(&[SYNC, 0x41, 0x00, 0x10 | counter]);
        packet
    }

    fn cut(bytes: &[u8], portion: usize) -> Vec<u64> {
        let mut cutter = PacketCutter::new(188, 1000);
        let mut offsets = Vec::new();
        for portion in bytes.chunks(portion) {
            cutter.push(portion, |offset, _, _| offsets.push(offset));
        }
        offsets
    }

    #[test]
    fn packets_are_the_same_however_the_bytes_come() {
        let bytes: Vec<u8> = (0..9).flat_map(packet).collect();
        for portion in [1, 100, 188, 400, 5000] {
            let expected: Vec<u64> = (0..9).map(|packet| 1000 + packet * 188).collect();
            assert_eq!(cut(&bytes, portion), expected, "{portion}");
        }
    }

    #[test]
    fn packets_are_found_again_behind_bytes_that_are_none() {
        let mut bytes: Vec<u8> = (0..3).flat_map(packet).collect();
        bytes.extend([0x22; 77]);
        bytes.extend((3..9).flat_map(packet));
        for portion in [1, 188, 5000] {
            let found = cut(&bytes, portion);
            assert_eq!(found.len(), 9, "{portion}");
            assert_eq!(found[3], 1000 + 3 * 188 + 77);
        }
    }

    #[test]
    fn a_header_tells_clock_counter_and_payload() {
        let mut packet = packet(5);
        packet[3] |= 0x20;
        packet[4..12].copy_from_slice(&[7, 0x90, 0, 0, 0, 45, 0x80 | 0x7e, 0]);
        let header = PacketHeader::read(&packet).unwrap();
        assert_eq!((header.pid, header.counter), (256, 5));
        assert_eq!((header.pcr, header.payload), (Some(91), Some(12)));
        assert!(header.starts_unit && header.is_discontinuous);
    }
}

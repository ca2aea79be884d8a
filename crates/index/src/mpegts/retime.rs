//! Gives the packets of a transport stream the times of the film.

use bytes::Bytes;
use gifgen_shared::Piece;
use serde::{Deserialize, Serialize};

use crate::mpegts::{
    packet::WRAP,
    transport::{PacketCutter, PacketHeader},
};

/// The video in the packets of an excerpt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packets {
    /// From one packet to the next, in bytes.
    pub size: u64,
    /// The pid of the video at the start of the source.
    pub pid: u16,
    /// The codec of the video.
    pub codec: super::codec::Codec,
    /// The pieces that the excerpt touches. Empty if the file has one clock: then its packets stay as they are.
    pub pieces: Vec<Piece>,
}

/// Rewrites packets as they come.
#[derive(Debug)]
pub(crate) struct Retimer<'a> {
    packets: &'a Packets,
    cutter: PacketCutter,
    /// The counter of the next packet.
    counter: u8,
    /// The source's counter of the last one.
    last: Option<(u64, u8)>,
}

impl Packets {
    /// The packets of the video in `bytes`, which start at `offset` with a packet, with the times of the film. `bytes`
    /// as they are, if the file has one clock.
    pub(crate) fn retimed(&self, bytes: Bytes, offset: u64) -> Bytes {
        if self.pieces.is_empty() {
            return bytes;
        }
        Retimer::new(self, offset).push(&bytes).into()
    }
}

impl<'a> Retimer<'a> {
    /// Rewrites the packets of bytes that start at `offset`.
    pub(crate) fn new(packets: &'a Packets, offset: u64) -> Self {
        Self {
            packets,
            cutter: PacketCutter::new(packets.size, offset),
            counter: 0,
            last: None,
        }
    }

    /// The whole packets of the video in what has come so far and in `bytes`, rewritten. Packets of other streams are
    /// dropped, because their tables and clocks would change with each piece.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut written = Vec::with_capacity(bytes.len());
        let (packets, counter, last) = (self.packets, &mut self.counter, &mut self.last);
        self.cutter.push(bytes, |offset, unit, range| {
            let Some(piece) = Piece::at(&packets.pieces, offset) else {
                return;
            };
            let header = unit.get(range.clone()).and_then(PacketHeader::read);
            let Some(header) = header.filter(|header| u32::from(header.pid) == piece.stream) else {
                return;
            };
            let start = written.len() + range.start;
            written.extend_from_slice(unit);
            let Some(packet) = written.get_mut(start..start + range.len()) else {
                return;
            };
            // Within a piece, a missing packet stays missed. A new piece follows on.
            *counter = match *last {
                Some((from, last)) if from == piece.from => {
                    counter.wrapping_add(header.counter.wrapping_sub(last)) & 0x0f
                }
                Some(_) => (*counter + 1) & 0x0f,
                None => header.counter,
            };
            *last = Some((piece.from, header.counter));
            rewrite(packet, &header, packets.pid, *counter, piece.shift);
        });
        written
    }
}

/// Gives a packet the stream `pid`, the `counter`, and times that are later by `shift`.
fn rewrite(packet: &mut [u8], header: &PacketHeader, pid: u16, counter: u8, shift: i64) {
    let [high, low] = pid.to_be_bytes();
    packet[1] = packet[1] & 0xe0 | high & 0x1f;
    packet[2] = low;
    packet[3] = packet[3] & 0xf0 | counter;
    if let (Some(pcr), Some(at)) = (header.pcr, header.pcr_at)
        && let Some([a, b, c, d, e]) = packet.get_mut(at..at + 5)
    {
        let pcr = (pcr + shift).rem_euclid(WRAP);
        [*a, *b, *c, *d] = ((pcr >> 1) as u32).to_be_bytes();
        *e = *e & 0x7f | (pcr as u8) << 7;
    }
    let Some(unit) = header.payload.and_then(|at| packet.get_mut(at..)) else {
        return;
    };
    let is_timed = header.starts_unit && unit.starts_with(&[0, 0, 1]);
    let which = unit.get(7).map_or(0, |flags| flags >> 6);
    let fields: &[usize] = match which {
        _ if !is_timed => &[],
        2 => &[9],
        3 => &[9, 14],
        _ => &[],
    };
    for at in fields {
        if let Some(field) = unit.get_mut(*at..at + 5) {
            shift_timestamp(field, shift);
        }
    }
}

/// Adds `shift` to a timestamp of five bytes.
fn shift_timestamp(field: &mut [u8], shift: i64) {
    let [a, b, c, d, e] = field else { return };
    let number = [*a, *b, *c, *d, *e].map(i64::from);
    let time = (number[0] >> 1 & 7) << 30
        | number[1] << 22
        | (number[2] >> 1) << 15
        | number[3] << 7
        | number[4] >> 1;
    let time = (time + shift).rem_euclid(WRAP);
    *a = *a & 0xf1 | ((time >> 30 & 7) << 1) as u8;
    *b = (time >> 22) as u8;
    *c = *c & 1 | ((time >> 15 & 0x7f) << 1) as u8;
    *d = (time >> 7) as u8;
    *e = *e & 1 | ((time & 0x7f) << 1) as u8;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mpegts::packet::timestamps;

    proptest! {
        #[test]
        fn a_timestamp_is_shifted_and_nothing_else_changes(time in 0i64..WRAP, shift in -WRAP..WRAP, marks in any::<u8>()) {
            let mut unit = vec![0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21 | marks & 0x10, 0, 1, 0, 1];
            shift_timestamp(&mut unit[9..14], time);
            let (found, _) = timestamps(&unit).unwrap();
            prop_assert_eq!(found.pts, time);
            shift_timestamp(&mut unit[9..14], shift);
            let (found, _) = timestamps(&unit).unwrap();
            prop_assert_eq!(found.pts, (time + shift).rem_euclid(WRAP));
            prop_assert_eq!(unit[9] & 0xf1, 0x21 | marks & 0x10);
        }
    }
}

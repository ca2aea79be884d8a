//! RealMedia.

use std::{iter, ops::Range};

/// Bytes of the header of the chunk with the packets, and of that of a packet.
const CHUNK: usize = 18;
const PACKET: usize = 12;

/// Where the headers of the packets are in a whole file.
pub fn packet_headers(file: &[u8]) -> Vec<Range<usize>> {
    let chunk = file.windows(4).position(|four| four == b"DATA").unwrap();
    let is_packet = |at: &usize| file.len() >= at + PACKET && file[*at] == 0;
    let next = |at: &usize| {
        let size = u16::from_be_bytes([file[at + 2], file[at + 3]]);
        Some(at + usize::from(size)).filter(is_packet)
    };
    iter::successors(Some(chunk + CHUNK), next)
        .map(|at| at..at + PACKET)
        .collect()
}

//! Bytes of a program stream that belong to no packet.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::MAX_BYTES;

/// How much is read at once, in bytes. A packet has 65,541 at most.
const READ_BYTES: u64 = 1024 * 1024;

/// Headers of a packet with its size, or of a pack.
const HEADER_BYTES: usize = 14;

/// How many bytes in `range`, which starts with a packet, belong to none.
///
/// # Errors
/// If the source cannot be read.
pub async fn program_stream_gaps(blocks: &BlockCache, range: Range<u64>) -> Result<u64, ReadError> {
    let end = range.end.min(range.start.saturating_add(MAX_BYTES));
    let end = end.min(blocks.reader().len());
    let (mut at, mut unknown) = (range.start, 0);
    while at < end {
        let content = blocks.read(at..at + READ_BYTES).await?;
        let mut offset = 0;
        while let Some(rest) = content
            .get(offset..)
            .filter(|rest| rest.len() >= HEADER_BYTES)
        {
            match packet_bytes(rest) {
                Some(bytes) => offset += bytes,
                None => {
                    unknown += u64::from(at + (offset as u64) < end);
                    offset += 1;
                }
            }
        }
        if offset == 0 {
            break;
        }
        at += offset as u64;
    }
    Ok(unknown)
}

/// Size of the packet, or of the header of a pack, at the start of `bytes`.
fn packet_bytes(bytes: &[u8]) -> Option<usize> {
    let [0, 0, 1, kind, a, b, ..] = *bytes else {
        return None;
    };
    match kind {
        0xb9 => Some(4),
        // MPEG-2 or MPEG-1.
        0xba if a & 0xc0 == 0x40 => Some(HEADER_BYTES + usize::from(bytes.get(13)? & 7)),
        0xba => Some(12),
        0xbb.. => Some(6 + usize::from(u16::from_be_bytes([a, b]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_and_packs_have_a_size_and_pictures_have_none() {
        let size = |start: [u8; 6]| packet_bytes(&[&start[..], &[0; 7], &[0xfa]].concat());
        assert_eq!(size([0, 0, 1, 0xe0, 1, 2]), Some(264));
        assert_eq!(size([0, 0, 1, 0xba, 0x44, 0]), Some(16));
        assert_eq!(size([0, 0, 1, 0xba, 0x21, 0]), Some(12));
        assert_eq!(size([0, 0, 1, 0xb3, 0, 0]), None);
        assert_eq!(size([0; 6]), None);
        assert_eq!(packet_bytes(&[0, 0, 1]), None);
    }
}

//! RealMedia: chunks with sizes, of which one holds the packets.

use std::ops::Range;

use gifgen_reader::BlockCache;

use super::{Measured, window::Window};
use crate::{error::IndexError, numbers::big_endian};

/// The header of a file.
const FILE: &[u8] = b".RMF";

/// Most chunks that are followed.
const MAX_CHUNKS: usize = 256;

/// Bytes of a chunk's name and size.
const CHUNK: u64 = 8;

/// FFmpeg writes a size of the packets that is wrong by 10 bytes.
const WRONG_BYTES: u64 = 64;

/// Bytes of the header of the chunk with the packets.
const DATA: u64 = 18;

/// Bytes of the header of a packet: a version, which is 0 or 1, the size with the header, and more.
const PACKET: u64 = 12;

/// Most bytes of packets that are followed.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A file that breaks off within its packets is truncated, one whose packets cannot be followed is damaged if its header
/// claims more than was found, and a second header starts another recording.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let mut at = 0;
    for _ in 0..MAX_CHUNKS {
        let chunk = blocks.read(at..at + CHUNK).await?;
        let [name @ .., _, _, _, _] = &*chunk else {
            break;
        };
        if name == FILE && at > 0 {
            return Err(video.second_recording(at));
        }
        let size = big_endian(&chunk[4..]);
        // In a live recording the size is not known.
        if size < CHUNK {
            break;
        }
        at += size;
        if name != b"DATA" {
            continue;
        }
        if at > bytes + WRONG_BYTES && video.is_short() {
            return Err(video.truncated(bytes, at));
        }
        if video.is_short()
            && let Some(offset) = broken_packet(blocks, at - size + DATA..at.min(bytes)).await?
        {
            return Err(video.ends_at(offset));
        }
        let near = at.saturating_sub(WRONG_BYTES);
        let content = blocks.read(near..at + WRONG_BYTES).await?;
        if let Some(found) = content.windows(FILE.len()).position(|four| four == FILE) {
            return Err(video.second_recording(near + found as u64));
        }
    }
    Ok(())
}

/// Where the packets in `range` cannot be followed any further.
async fn broken_packet(blocks: &BlockCache, range: Range<u64>) -> Result<Option<u64>, IndexError> {
    let mut window = Window::new(blocks);
    let (mut at, end) = (range.start, range.end.min(range.start + MAX_BYTES));
    while at + PACKET + WRONG_BYTES < end {
        let header = window.bytes(at..at + PACKET).await?;
        let [0, 0 | 1, size @ ..] = &header[..] else {
            return Ok(Some(at));
        };
        let size = big_endian(&size[..2]);
        if size < PACKET {
            return Ok(Some(at));
        }
        at += size;
    }
    Ok(None)
}

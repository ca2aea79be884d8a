//! RealMedia: chunks with sizes, of which one holds the packets.

use gifgen_reader::BlockCache;

use super::Measured;
use crate::{error::IndexError, numbers::big_endian};

/// The header of a file.
const FILE: &[u8] = b".RMF";

/// Most chunks that are followed.
const MAX_CHUNKS: usize = 256;

/// Bytes of a chunk's name and size.
const CHUNK: u64 = 8;

/// FFmpeg writes a size of the packets that is wrong by 10 bytes.
const WRONG_BYTES: u64 = 64;

/// A file that breaks off within its packets is truncated, and a second header starts another recording.
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
        let near = at.saturating_sub(WRONG_BYTES);
        let content = blocks.read(near..at + WRONG_BYTES).await?;
        if let Some(found) = content.windows(FILE.len()).position(|four| four == FILE) {
            return Err(video.second_recording(near + found as u64));
        }
    }
    Ok(())
}

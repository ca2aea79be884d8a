//! Windows' recorded TV: the header says where the file ends.

use gifgen_reader::BlockCache;

use super::Measured;
use crate::{error::IndexError, numbers::little_endian_32};

/// Where the header says how many sectors the file has, and bytes of a sector. FFmpeg's `wtvenc.c`.
const SECTORS_AT: usize = 0x5c;
const SECTOR_BYTES: u64 = 4096;

/// Bytes of the name of the format, with which a file starts.
const NAME_BYTES: usize = 16;

/// Looks for another start of a file behind the end.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let head = blocks.read(0..SECTOR_BYTES).await?;
    let Some(sectors) = little_endian_32(&head, SECTORS_AT).filter(|sectors| *sectors > 0) else {
        return Ok(());
    };
    let end = u64::from(sectors) * SECTOR_BYTES;
    // The last sector may be cut off.
    let from = (end - SECTOR_BYTES).max(NAME_BYTES as u64);
    let behind = blocks.read(from..end + 2 * SECTOR_BYTES).await?;
    let name = head.get(..NAME_BYTES).unwrap_or_default();
    let mut starts = behind.windows(NAME_BYTES).enumerate();
    match starts.find(|(_, start)| *start == name) {
        Some((at, _)) => Err(video.second_recording(from + at as u64)),
        None => Ok(()),
    }
}

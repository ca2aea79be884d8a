//! Damaged data packets of an ASF file.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::MAX_BYTES;
use crate::asf::{AsfFile, is_intact};

/// How much is read at once, in bytes, if packets are shorter.
const READ_BYTES: u64 = 1024 * 1024;

/// Whether a data packet is damaged from the one at `range.start` to the one at `range.end`, with both: FFmpeg says that
/// a packet behind damage starts where the damage does.
///
/// # Errors
/// If the source cannot be read.
pub async fn asf_loses(blocks: &BlockCache, range: Range<u64>) -> Result<bool, ReadError> {
    let Some(file) = AsfFile::read(blocks).await? else {
        return Ok(false);
    };
    let last = file.packets_end().unwrap_or(blocks.reader().len());
    let mut touched = file.touched(range.start..range.end.saturating_add(1).min(last));
    touched.end = touched.end.min(touched.start.saturating_add(MAX_BYTES));
    let step = (READ_BYTES - READ_BYTES % file.packet_bytes).max(file.packet_bytes);
    while touched.start < touched.end {
        let end = touched.end.min(touched.start + step);
        let packets = blocks.read(touched.start..end).await?;
        let mut packets = packets.chunks_exact(file.packet_bytes as usize);
        if packets.any(|packet| !is_intact(packet)) {
            return Ok(true);
        }
        touched.start = end;
    }
    Ok(false)
}

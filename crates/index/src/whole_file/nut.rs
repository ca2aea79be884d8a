//! NUT: a second recording starts with the name of the format.

use gifgen_reader::BlockCache;

use super::{Measured, STEP, window::Window};
use crate::error::IndexError;

/// The start of a file.
const NAME: &[u8] = b"nut/multimedia container\0";

/// Most bytes that are looked through.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Looks for another start of a file.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let mut window = Window::new(blocks);
    let (mut at, end) = (1, blocks.reader().len().min(MAX_BYTES));
    while at < end {
        let content = window.bytes(at..at + STEP).await?;
        let found = content.windows(NAME.len()).position(|bytes| bytes == NAME);
        if let Some(found) = found {
            return Err(video.second_recording(at + found as u64));
        }
        at += STEP - NAME.len() as u64;
    }
    Ok(())
}

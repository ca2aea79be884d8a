//! ASF, also as WMV: the header counts data packets of one size, and other objects follow them.

use gifgen_reader::BlockCache;

use super::Measured;
use crate::{asf::AsfFile, error::IndexError};

/// A file that breaks off within its data packets is truncated, and a second header behind them starts another
/// recording.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let Some(file) = AsfFile::read(blocks).await? else {
        return Ok(());
    };
    let bytes = blocks.reader().len();
    let Some(end) = file.packets_end() else {
        return Ok(());
    };
    if end > bytes {
        // FFmpeg believes no header of a file that is cut off.
        return if video.is_shorter_than(file.seconds) {
            Err(video.truncated(bytes, end))
        } else {
            Ok(())
        };
    }
    match file.second_header(blocks, end).await? {
        Some(at) => Err(video.second_recording(at)),
        None => Ok(()),
    }
}

//! AVI: the header counts the pictures, the `RIFF` chunks say where the file ends, and the index names each picture.

use gifgen_reader::BlockCache;

use super::Measured;
use crate::{
    avi::{AviFile, Chunks, chunks},
    error::IndexError,
};

/// Programs write sizes that are wrong by a header of 8 bytes.
const WRONG_BYTES: u64 = 8;

/// The length of the video in seconds. The demuxer counts the pictures that it finds, so those that are lost do not
/// count. The index names them.
pub(super) async fn length(blocks: &BlockCache, video: Measured<'_>) -> Result<f64, IndexError> {
    let bytes = blocks.reader().len();
    let end = match chunks(blocks).await? {
        Chunks::SecondFile(at) => return Err(video.second_recording(at)),
        Chunks::EndAt(end) => end,
        Chunks::Unfinished => 0,
    };
    let Some(file) = AviFile::read(blocks, video.stream).await? else {
        return Ok(video.length);
    };
    let claimed = f64::from(file.claimed_pictures) * file.picture_seconds;
    if !video.is_shorter_than(claimed.max(video.claimed.unwrap_or_default())) {
        return Ok(video.length);
    }
    if end > bytes + WRONG_BYTES {
        return Err(video.truncated(bytes, end));
    }
    let listed = file.pictures(blocks).await?.unwrap_or_default().len();
    let listed = listed as f64 * file.picture_seconds;
    // Both must agree: indexes name pictures twice, and headers count pictures that were never written.
    let is_believed = listed <= claimed + file.picture_seconds;
    Ok(if is_believed {
        video.length.max(listed)
    } else {
        video.length
    })
}

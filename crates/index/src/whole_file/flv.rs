//! Flash video: its tags chain up to the end of the file.

use gifgen_reader::{BlockCache, ReadError};
use gifgen_shared::header::MISSING_SECONDS;

use super::{Measured, SMALL_BYTES, big_endian, second_recording, window::Window};
use crate::error::IndexError;

/// The header of an FLV file, and of a tag in it.
const FLV: &[u8] = b"FLV\x01";
const FLV_TAG: u64 = 11;

/// FLV tags of video have this type.
const FLV_VIDEO: u8 = 9;

/// Walks over the tags of an FLV file, if it is small or its last tag is earlier than it should be.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let Measured {
        claimed, length, ..
    } = video;
    let bytes = blocks.reader().len();
    let expected = claimed.unwrap_or(length).min(length) - MISSING_SECONDS;
    if bytes > SMALL_BYTES && last_tag(blocks).await?.is_none_or(|last| last >= expected) {
        return Ok(());
    }
    let mut window = Window::new(blocks);
    let head = window.bytes(0..9).await?;
    let mut at = head.get(5..9).map_or(9, big_endian) + 4;
    let mut latest = 0.0_f64;
    while at + FLV_TAG <= bytes {
        let tag = window.bytes(at..at + FLV_TAG).await?;
        if tag.starts_with(FLV) {
            return Err(second_recording(at, latest));
        }
        let Some(time) = tag_seconds(&tag) else { break };
        let size = tag.get(1..4).map_or(0, big_endian);
        let is_video = tag.first().is_some_and(|kind| kind & 0x1f == FLV_VIDEO);
        if is_video && time < latest - MISSING_SECONDS {
            let why = "its times start again there: split the file";
            return Err(IndexError::not_whole(at, latest, why));
        }
        if is_video {
            latest = latest.max(time);
        }
        at += FLV_TAG + size + 4;
    }
    Ok(())
}

/// The time of the last tag of an FLV file, in seconds. `None` if the file does not end with a tag.
async fn last_tag(blocks: &BlockCache) -> Result<Option<f64>, ReadError> {
    let bytes = blocks.reader().len();
    let end = blocks.read(bytes.saturating_sub(4)..bytes).await?;
    let Some(start) = bytes.checked_sub(big_endian(&end) + 4) else {
        return Ok(None);
    };
    Ok(tag_seconds(&blocks.read(start..start + FLV_TAG).await?))
}

/// The time of an FLV tag, in seconds. `None` if it is no tag.
fn tag_seconds(tag: &[u8]) -> Option<f64> {
    let [kind, _, _, _, a, b, c, high, 0, 0, 0] = *tag else {
        return None;
    };
    let ms = u32::from_be_bytes([high, a, b, c]);
    matches!(kind & 0x1f, 8 | 9 | 18).then(|| f64::from(ms) / 1e3)
}

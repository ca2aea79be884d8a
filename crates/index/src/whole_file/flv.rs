//! Flash video: its tags chain up to the end of the file.

use gifgen_reader::{BlockCache, ReadError};
use gifgen_shared::header::MISSING_SECONDS;

use super::{Measured, SMALL_BYTES, second_recording, window::Window};
use crate::{error::IndexError, numbers::big_endian};

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
        let tag = window.bytes(at..at + FLV_TAG + 2).await?;
        if tag.starts_with(FLV) {
            return Err(second_recording(at, latest));
        }
        let (head, content) = tag.split_at(tag.len().min(FLV_TAG as usize));
        let Some(time) = tag_seconds(head) else { break };
        let size = head.get(1..4).map_or(0, big_endian);
        let is_video = head.first().is_some_and(|kind| kind & 0x1f == FLV_VIDEO);
        if is_video && is_picture(content) {
            if time < latest - MISSING_SECONDS {
                let why = "its times start again there: split the file";
                return Err(IndexError::not_whole(at, latest, why));
            }
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

/// Whether the content of a video tag starts a picture. Headers of the sequence and commands have times that mean
/// nothing: recorders of live streams repeat headers at time 0.
fn is_picture(content: &[u8]) -> bool {
    let [first, second] = *content else {
        return false;
    };
    // Enhanced RTMP has the kind of packet in the first byte, H.264 and HEVC in the second.
    let is_enhanced = first & 0x80 != 0;
    let is_command = first >> 4 & 7 == 5;
    let is_coded = match first & 0x0f {
        kind if is_enhanced => matches!(kind, 1 | 3),
        7 | 12 => second == 1,
        _ => true,
    };
    is_coded && !is_command
}

/// The time of an FLV tag, in seconds. `None` if it is no tag.
fn tag_seconds(tag: &[u8]) -> Option<f64> {
    let [kind, _, _, _, a, b, c, high, 0, 0, 0] = *tag else {
        return None;
    };
    let ms = u32::from_be_bytes([high, a, b, c]);
    matches!(kind & 0x1f, 8 | 9 | 18).then(|| f64::from(ms) / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_commands_are_no_pictures() {
        assert!(is_picture(&[0x17, 1]) && is_picture(&[0x22, 0]) && is_picture(&[0x91, b'h']));
        assert!(!is_picture(&[0x17, 0]) && !is_picture(&[0x17, 2]));
        assert!(!is_picture(&[0x90, b'h']) && !is_picture(&[0x52, 0]) && !is_picture(&[]));
    }
}

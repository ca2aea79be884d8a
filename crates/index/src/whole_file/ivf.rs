//! IVF: frames that chain up to the end of the file.

use gifgen_reader::BlockCache;

use super::{Measured, window::Window};
use crate::{
    error::IndexError,
    numbers::{little_endian_32, little_endian_64},
};

/// The start of a file.
const NAME: &[u8] = b"DKIF";

/// Where the first frame starts, and how many frames the header claims, in bytes.
const HEADER_BYTES: u64 = 32;
const FRAMES_AT: usize = 24;

/// Bytes of a frame's header.
const FRAME_BYTES: u64 = 12;

/// Walks over the frames. Those behind a damaged one cannot be found.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let mut window = Window::new(blocks);
    let header = window.bytes(0..HEADER_BYTES).await?;
    let claimed = little_endian_32(&header, FRAMES_AT).unwrap_or_default();
    let seconds = |frames: u32| {
        let part = f64::from(frames) / f64::from(claimed.max(1));
        video.claimed.unwrap_or_default() * part.min(1.0)
    };
    let (mut at, mut frames, mut latest) = (HEADER_BYTES, 0, 0);
    while at + FRAME_BYTES <= bytes {
        let frame = window.bytes(at..at + FRAME_BYTES).await?;
        if frame.starts_with(NAME) {
            return Err(IndexError::not_whole(
                at,
                seconds(frames),
                "a second recording starts there: split the file",
            ));
        }
        let size = little_endian_32(&frame, 0).unwrap_or_default();
        let time = little_endian_64(&frame, 4).unwrap_or_default();
        let end = at + FRAME_BYTES + u64::from(size);
        let is_broken = size == 0 || time < latest || end > bytes;
        if is_broken && frames < claimed {
            let why = "a frame is damaged or cut off there; upload it again";
            return Err(IndexError::not_whole(at, seconds(frames), why));
        }
        if is_broken {
            break;
        }
        (at, frames, latest) = (end, frames + 1, time);
    }
    Ok(())
}

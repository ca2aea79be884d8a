//! IVF: frames that chain up to the end of the file.

use gifgen_reader::BlockCache;

use super::{Measured, second_recording, window::Window};
use crate::{
    error::IndexError,
    numbers::{little_endian_32, little_endian_64},
};

/// The start of a file.
const NAME: &[u8] = b"DKIF";

/// Where the first frame starts.
const HEADER_BYTES: u64 = 32;

/// Where the header says what a tick is, in parts of a second, and how many ticks the video has.
const TICKS_AT: [usize; 3] = [16, 20, 24];

/// Bytes of a frame's header.
const FRAME_BYTES: u64 = 12;

/// Most bytes that are looked through.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// Walks over the frames. Those behind a damaged one cannot be found.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let mut window = Window::new(blocks);
    let header = window.bytes(0..HEADER_BYTES).await?;
    let [rate, scale, claimed] = TICKS_AT.map(|at| little_endian_32(&header, at).unwrap_or(0));
    let seconds = |ticks: u64| ticks as f64 * f64::from(scale) / f64::from(rate.max(1));
    // A live recording claims nothing, or the most.
    let claimed = if claimed == u32::MAX {
        0
    } else {
        u64::from(claimed)
    };
    let claims_more = |end: u64| video.is_shorter_than(seconds(claimed)) && end < claimed;
    let broken = |at, end, why| Err(IndexError::not_whole(at, seconds(end), why));
    let mut at = HEADER_BYTES;
    // The time of the latest frame, and the end of all.
    let (mut latest, mut end) = (0, 0);
    let mut largest = 0;
    while at < bytes.min(MAX_BYTES) {
        let frame = window.bytes(at..at + FRAME_BYTES).await?;
        if frame.starts_with(NAME) {
            return Err(second_recording(at, seconds(end)));
        }
        let size = little_endian_32(&frame, 0).map(u64::from);
        let time = little_endian_64(&frame, 4).unwrap_or(0);
        let next = at + FRAME_BYTES + size.unwrap_or(0);
        let is_whole = frame.len() as u64 == FRAME_BYTES && next <= bytes;
        if is_whole && (size == Some(0) || time < latest) {
            return broken(at, end, "a frame is damaged there; upload it again");
        }
        if !is_whole {
            // The last frame of a live recording may be cut off, but not more.
            if claims_more(end) || bytes - at > largest + FRAME_BYTES {
                let why = "a frame is damaged or cut off there; upload it again";
                return broken(at, end, why);
            }
            return Ok(());
        }
        largest = largest.max(next - at - FRAME_BYTES);
        (at, latest, end) = (next, time, time.saturating_add(1));
    }
    // Its end is written with what it claims.
    if at >= bytes && claims_more(end) {
        return broken(at, end, "it is truncated; upload it again");
    }
    Ok(())
}

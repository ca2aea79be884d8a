//! The length of a video, by the pictures near the end of the file.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::{align::align, clock::Clock};
use crate::last_duration::{MIN_PICTURES, end};

/// Most bytes of the end that are read.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The length of a video in seconds, by its last pictures in `range`. At first the last `bytes` bytes are read,
/// then more if those hold too few pictures. `pts_in` gives the pts of the pictures in the bytes from an offset
/// to the end of `range`, and `None` if these do not tell the length. Packets have `packet` bytes.
///
/// # Errors
/// If the source cannot be read.
pub(crate) async fn length(
    blocks: &BlockCache,
    clock: &Clock,
    range: Range<u64>,
    packet: u64,
    mut bytes: u64,
    pts_in: impl Fn(u64, &[u8]) -> Option<Vec<i64>>,
) -> Result<Option<f64>, ReadError> {
    loop {
        let start = align(range.end.saturating_sub(bytes), range.start, packet);
        let read = blocks.read(start..range.end).await?;
        let Some(pts) = pts_in(start, &read) else {
            return Ok(None);
        };
        if pts.len() >= MIN_PICTURES || start == range.start || bytes >= MAX_BYTES {
            let end = end(pts, clock.timescale() as i64);
            let seconds = end.map(|end| clock.seconds(end));
            return Ok(seconds.filter(|seconds| *seconds > 0.0));
        }
        bytes *= 2;
    }
}

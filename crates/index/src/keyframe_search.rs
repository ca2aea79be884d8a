//! Searches backwards for the keyframe with which an excerpt starts.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use gifgen_reader::{ReadError, Reader};

use crate::excerpt::{Excerpt, Start};

/// How far each read goes back, in steps. The first one comes in the request for the slice's own bytes, so that
/// a slice takes four requests at most. Of such sequences this one reads the least in vain where keyframes are
/// two to ten seconds apart.
const STEPS: [u64; 4] = [3, 4, 6, 13];

/// How far all reads together go back, in seconds: x264 puts keyframes ten seconds apart at most, and bit rates
/// differ.
pub(crate) const MAX_DISTANCE_SECONDS: f64 = 13.0;

/// Shortest step, in bytes.
const MIN_STEP: u64 = 8 * 1024;

/// Most bytes to search, since they are kept meanwhile: thirteen seconds of 40 Mbit/s.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The step, in bytes, for a video of which [`MAX_DISTANCE_SECONDS`] take `distance` bytes.
pub(crate) fn step(distance: f64) -> u64 {
    let steps: u64 = STEPS.iter().sum();
    ((distance / steps as f64) as u64).max(MIN_STEP)
}

/// Where the search for the keyframe of `excerpt` ends, if each `step` has so many bytes.
pub(crate) fn farthest(excerpt: &Excerpt, step: u64) -> u64 {
    let steps: u64 = STEPS.iter().sum();
    let start = excerpt.ranges.first().map_or(0, |range| range.start);
    start.saturating_sub(step.saturating_mul(steps))
}

/// The bytes to search first for the keyframe of `excerpt`: those just before its ranges. Empty if its ranges
/// start with a keyframe.
pub(crate) fn first_range(excerpt: &Excerpt) -> Range<u64> {
    let end = excerpt.ranges.first().map_or(0, |range| range.start);
    let first = ranges(excerpt).and_then(|mut ranges| ranges.next());
    first.unwrap_or(end..end)
}

/// What FFmpeg reads before the ranges of `excerpt`: its keyframe, and all between. `first_bytes` are those of
/// [`first_range`]; if the keyframe is not in them, more is read. `None` if there is no keyframe nearby.
///
/// # Errors
/// If the source cannot be read.
pub(crate) async fn bytes_from_keyframe(
    reader: &Arc<Reader>,
    excerpt: &Excerpt,
    first_bytes: Bytes,
) -> Result<Option<Bytes>, ReadError> {
    let Start::KeyframeBefore { query, first, .. } = &excerpt.start else {
        return Ok(Some(first_bytes));
    };
    let mut bytes = Bytes::new();
    for (count, range) in ranges(excerpt).into_iter().flatten().enumerate() {
        let read = match count {
            0 => first_bytes.clone(),
            _ => reader.read(range.clone()).await?,
        };
        let read = match &excerpt.packets {
            Some(packets) => packets.retimed(read, range.start),
            None => read,
        };
        bytes = [read, bytes].concat().into();
        if let Some(found) = query.last(&bytes) {
            return Ok(Some(found));
        }
        if range.start <= *first {
            // Nothing is before it.
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// The ranges to search, one after the other, each before the last.
fn ranges(excerpt: &Excerpt) -> Option<impl Iterator<Item = Range<u64>>> {
    let Start::KeyframeBefore { query, first, step } = &excerpt.start else {
        return None;
    };
    let end = excerpt.ranges.first()?.start;
    let mut next_end = end;
    Some(STEPS.into_iter().map_while(move |steps| {
        let length = step.saturating_mul(steps).max(1);
        let start = query.align(*first, next_end.saturating_sub(length).max(*first));
        let range = start..next_end;
        next_end = start;
        (!range.is_empty() && end - start <= MAX_BYTES).then_some(range)
    }))
}

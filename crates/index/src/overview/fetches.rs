//! Reads many ranges of a source with few requests, several at once and in order.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use gifgen_reader::{ReadError, Reader};

/// Longest keyframe, in bytes. One of 4K ProRes has 6 MB.
pub(super) const MAX_KEYFRAME_BYTES: u64 = 32 * 1024 * 1024;

/// Ranges with less than this between them, in bytes, are fetched at once, as in an excerpt.
const GAP: u64 = 512 * 1024;

/// Longest fetch of several ranges, in bytes.
const MAX_FETCH_BYTES: u64 = 4 * 1024 * 1024;

/// Most bytes in flight, and most requests.
const MAX_BYTES_IN_FLIGHT: u64 = 64 * 1024 * 1024;
const MAX_IN_FLIGHT: u64 = 8;

/// How many requests may be in flight if each has up to `longest` bytes.
pub(super) fn concurrent(longest: u64) -> usize {
    (MAX_BYTES_IN_FLIGHT / longest.max(1)).clamp(1, MAX_IN_FLIGHT) as usize
}

/// The bytes of each of `ranges`, in their order.
pub(super) fn read_all(
    reader: &Arc<Reader>,
    ranges: &[Range<u64>],
) -> impl Stream<Item = Result<Vec<Bytes>, ReadError>> + Send + use<> {
    let fetches = fetches(ranges);
    let longest = fetches.iter().map(|(span, _)| span.end - span.start).max();
    let reader = Arc::clone(reader);
    let reads = fetches.into_iter().map(move |(span, ranges)| {
        let reader = Arc::clone(&reader);
        async move {
            let bytes = reader.read(span.clone()).await?;
            let part = |range: &Range<u64>| {
                let from = ((range.start - span.start) as usize).min(bytes.len());
                let to = ((range.end - span.start) as usize).min(bytes.len());
                bytes.slice(from..to)
            };
            Ok(ranges.iter().map(part).collect())
        }
    });
    stream::iter(reads).buffered(concurrent(longest.unwrap_or(0)))
}

/// `ranges`, grouped by request: what each reads, and the ranges in it.
fn fetches(ranges: &[Range<u64>]) -> Vec<(Range<u64>, Vec<Range<u64>>)> {
    let mut fetches: Vec<(Range<u64>, Vec<Range<u64>>)> = Vec::new();
    for range in ranges {
        let joined = fetches.last_mut().filter(|(span, _)| {
            let gap = range.start.checked_sub(span.end);
            gap.is_some_and(|gap| gap < GAP)
                && range.end.saturating_sub(span.start) <= MAX_FETCH_BYTES
        });
        match joined {
            Some((span, joined)) => {
                span.end = range.end;
                joined.push(range.clone());
            }
            None => fetches.push((range.clone(), vec![range.clone()])),
        }
    }
    fetches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_are_fetched_together_up_to_a_limit() {
        let counts = |ranges: &[Range<u64>]| -> Vec<usize> {
            fetches(ranges)
                .iter()
                .map(|(_, ranges)| ranges.len())
                .collect()
        };
        assert_eq!(counts(&[0..10, 20..30, 40 + GAP..50 + GAP]), [2, 1]);
        // Backwards, and overlapping.
        assert_eq!(counts(&[100..110, 0..10, 5..15]), [1, 1, 1]);
        let long = MAX_FETCH_BYTES / 2;
        assert_eq!(
            counts(&[0..long, long..2 * long, 2 * long..2 * long + 1]),
            [2, 1]
        );
    }

    #[test]
    fn large_keyframes_are_fetched_by_fewer_requests_at_once() {
        assert_eq!(concurrent(300_000), 8);
        assert_eq!(concurrent(MAX_KEYFRAME_BYTES), 2);
        assert_eq!(concurrent(u64::MAX), 1);
    }
}

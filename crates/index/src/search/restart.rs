//! Where the clock of a long file runs back: another recording was joined behind the first one.
//!
//! It is read in few places, each 1.25 times as far from the start as the one before. A second recording that starts
//! between two places has taken a quarter of the first one's bytes at most when it reaches the later place, so its
//! clock is behind the earlier one's there. Only if it has less than a quarter of the bytes a second of the first
//! recording is it missed.

use std::ops::Range;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::ReadError;

use crate::mpegts::packet::step;

/// The first place behind the start, in bytes, and the part by which each place lies further on than the one before.
const FIRST_PLACE: u64 = 64 * 1024;
const PART: u64 = 4;

/// The distance of two places is at most this part of the file, so that a clock turns over once at most in between.
const MAX_PART: u64 = 16;

/// The range in which the clock runs back is narrowed down to so many bytes.
const NARROW: u64 = 1024 * 1024;

/// How many places are read at once.
const CONCURRENT_READS: usize = 8;

/// A clock that was read in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Where, in bytes.
    pub offset: u64,
    /// In its own unit. Clocks of MPEG turn over at 2^33, and no other comes near.
    pub ticks: i64,
}

/// Between which places of a file of so many `bytes` the clock runs back by more than `tolerance` ticks. `read` gives
/// the first clock at an offset or behind.
///
/// # Errors
/// If `read` fails.
pub(crate) async fn restart<F>(
    bytes: u64,
    tolerance: i64,
    read: impl Fn(u64) -> F,
) -> Result<Option<Range<u64>>, ReadError>
where
    F: Future<Output = Result<Option<Reading>, ReadError>>,
{
    let runs_back = |first: Reading, next: Reading| step(first.ticks, next.ticks) < -tolerance;
    let readings = stream::iter(places(bytes)).map(&read);
    let mut readings = readings.buffered(CONCURRENT_READS);
    let mut latest: Option<Reading> = None;
    while let Some(found) = readings.try_next().await? {
        let Some(next) = found else { continue };
        match latest {
            Some(first) if runs_back(first, next) => {
                return narrowed(first, next, runs_back, &read).await.map(Some);
            }
            _ => latest = Some(next),
        }
    }
    Ok(None)
}

/// A shorter range in which the clock runs back between `first` and `next`.
async fn narrowed<F>(
    mut first: Reading,
    mut next: Reading,
    runs_back: impl Fn(Reading, Reading) -> bool,
    read: impl Fn(u64) -> F,
) -> Result<Range<u64>, ReadError>
where
    F: Future<Output = Result<Option<Reading>, ReadError>>,
{
    while next.offset - first.offset > NARROW {
        let middle = first.offset + (next.offset - first.offset) / 2;
        match read(middle).await? {
            Some(found) if found.offset < next.offset => {
                if runs_back(first, found) {
                    next = found;
                } else {
                    first = found;
                }
            }
            _ => break,
        }
    }
    Ok(first.offset..next.offset)
}

/// Where the clock of a file of so many `bytes` is read.
fn places(bytes: u64) -> impl Iterator<Item = u64> {
    let further =
        move |at: u64| at + (at / PART).clamp(FIRST_PLACE, (bytes / MAX_PART).max(FIRST_PLACE));
    let end = bytes.saturating_sub(FIRST_PLACE);
    let places = std::iter::successors(Some(0), move |at| Some(further(*at)));
    places.take_while(move |at| *at < end).chain([end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The restart in recordings of so many bytes, with so many ticks a kilobyte.
    async fn found(recordings: &[(u64, i64)]) -> Option<Range<u64>> {
        let bytes = recordings.iter().map(|(bytes, _)| bytes).sum();
        let read = async |at: u64| {
            let mut start = 0;
            for (bytes, rate) in recordings {
                if at < start + bytes {
                    let ticks = ((at - start) / 1024) as i64 * rate;
                    return Ok(Some(Reading { offset: at, ticks }));
                }
                start += bytes;
            }
            Ok(None)
        };
        restart(bytes, 1000, read).await.unwrap()
    }

    #[tokio::test]
    async fn a_second_recording_is_found_wherever_it_starts() {
        const TOTAL: u64 = 1 << 30;
        let mut at = 256 * 1024;
        while at < TOTAL - 256 * 1024 {
            for rate in [50, 150] {
                let range = found(&[(at, 100), (TOTAL - at, rate)]).await;
                let range = range.unwrap_or_else(|| panic!("{at} {rate}"));
                assert!(range.contains(&at), "{at} {rate} {range:?}");
                assert!(range.end - range.start <= NARROW);
            }
            at = at * 17 / 16;
        }
    }

    #[tokio::test]
    async fn one_recording_has_no_restart() {
        assert_eq!(found(&[(1 << 32, 100)]).await, None);
        assert!(places(1 << 32).count() < 70);
        assert!(places(100 << 20).count() < 40);
    }
}

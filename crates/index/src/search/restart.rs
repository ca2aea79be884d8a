//! Where the clock of a long file runs back: another recording was joined behind the first one.
//!
//! It is read in few places, each 1.25 times as far from the start as the one before. A second recording that starts
//! between two places has taken a quarter of the first one's bytes at most when it reaches the later place, so its
//! clock is behind the earlier one's there. It is missed if it has less than a quarter of the bytes a second of the
//! first recording, if its clock starts later than the first one ends, or if one of the two is shorter than the
//! tolerance or than 64 KiB.

use std::ops::Range;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::{BlockCache, ReadError};

use crate::mpegts::packet::step;

/// The first place behind the start, in bytes.
const FIRST_PLACE: u64 = 64 * 1024;

/// The part by which each place lies further on than the one before.
const PART: u64 = 4;

/// The distance of two places is at most this part of the file, so that a clock turns over once at most in between.
const MAX_PART: u64 = 16;

/// The last place is so many bytes before the end.
const LAST_PLACE: u64 = 2 * 1024;

/// The range in which the clock runs back is narrowed down to so many bytes.
const NARROW: u64 = 1024 * 1024;

/// A longer range, in bytes, is not looked through.
const MAX_LOOKED_THROUGH: u64 = 16 * 1024 * 1024;

/// How many places are read at once.
const CONCURRENT_READS: usize = 8;

/// Ticks are below this.
const MAX_TICKS: i64 = 1 << 33;

/// How a clock is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dial {
    /// In how many bytes from an offset on a clock is looked for.
    pub reach: u64,
    /// A clock that runs back by up to so many ticks is a muxer's fault.
    pub tolerance: i64,
}

/// A clock that was read in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Where, in bytes.
    pub offset: u64,
    /// In its own unit. Clocks of MPEG turn over at 2^33, and no other comes near.
    pub ticks: i64,
}

impl Reading {
    /// The same one, if its offset was counted from `start` on.
    pub(crate) fn behind(self, start: u64) -> Self {
        let offset = start + self.offset;
        Self { offset, ..self }
    }
}

impl Dial {
    fn runs_back(self, first: Reading, next: Reading) -> bool {
        let [first, next] = [first, next].map(|reading| reading.ticks.clamp(-1, MAX_TICKS));
        step(first, next) < -self.tolerance
    }
}

/// Where the clock of a file of so many `bytes` runs back, and what it showed before. `read` gives the first clock at an
/// offset or behind, never one before. `look` looks through a range for the very place.
///
/// One reading may be wrong, so that nothing is found around it. The clocks behind both readings prove them right.
///
/// # Errors
/// If `read` or `look` fails.
pub(crate) async fn restart<R, L>(
    bytes: u64,
    dial: Dial,
    read: impl Fn(u64) -> R,
    look: impl Fn(Range<u64>) -> L,
) -> Result<Option<Reading>, ReadError>
where
    R: Future<Output = Result<Option<Reading>, ReadError>>,
    L: Future<Output = Result<Option<Reading>, ReadError>>,
{
    let readings = stream::iter(places(bytes, dial.reach)).map(&read);
    let mut readings = readings.buffered(CONCURRENT_READS);
    let mut latest: Option<Reading> = None;
    while let Some(found) = readings.try_next().await? {
        let Some(next) =
            found.filter(|next| latest.is_none_or(|latest| next.offset > latest.offset))
        else {
            continue;
        };
        let Some(first) = latest.filter(|latest| dial.runs_back(*latest, next)) else {
            latest = Some(next);
            continue;
        };
        let range = narrowed(first, next, dial, &read).await?;
        if range.end - range.start <= MAX_LOOKED_THROUGH
            && let Some(place) = look(range.clone()).await?
        {
            return Ok(Some(place));
        }
        let [behind_first, behind_next] =
            [read(first.offset + 1).await?, read(next.offset + 1).await?];
        if behind_next.is_none_or(|behind| !dial.runs_back(first, behind)) {
            // `next` is wrong, or the only one of its recording.
            continue;
        }
        if behind_first.is_none_or(|behind| dial.runs_back(behind, next)) {
            let offset = range.start;
            return Ok(Some(Reading { offset, ..first }));
        }
        // `first` is wrong.
        latest = Some(next);
    }
    Ok(None)
}

/// The first clock at `at` or behind, in the first of `reaches` that has one. `find` finds it in bytes, and counts its
/// offset from their start.
///
/// # Errors
/// If the source cannot be read.
pub(crate) async fn first_reading(
    blocks: &BlockCache,
    at: u64,
    reaches: &[u64],
    find: impl Fn(&[u8]) -> Option<Reading>,
) -> Result<Option<Reading>, ReadError> {
    for bytes in reaches {
        let content = blocks.read(at..at + bytes).await?;
        if let Some(found) = find(&content) {
            return Ok(Some(found.behind(at)));
        }
    }
    Ok(None)
}

/// The last of `readings` before their clock runs back, and the first one behind.
///
/// A single wrong time runs back, too, at its place or behind it. So two readings before and two behind must agree.
pub(crate) fn runs_back(
    dial: Dial,
    readings: impl Iterator<Item = Reading>,
) -> Option<(Reading, Reading)> {
    let mut latest: [Option<Reading>; 3] = [None; 3];
    for reading in readings {
        if let [Some(a), Some(b), Some(c)] = latest {
            let agree = |before| dial.runs_back(before, c) && dial.runs_back(before, reading);
            if agree(a) && agree(b) {
                return Some((b, c));
            }
        }
        latest.rotate_left(1);
        latest[2] = Some(reading);
    }
    None
}

/// A shorter range in which the clock runs back between `first` and `next`.
async fn narrowed<R>(
    mut first: Reading,
    mut next: Reading,
    dial: Dial,
    read: impl Fn(u64) -> R,
) -> Result<Range<u64>, ReadError>
where
    R: Future<Output = Result<Option<Reading>, ReadError>>,
{
    while next.offset - first.offset > NARROW {
        let middle = first.offset + (next.offset - first.offset) / 2;
        match read(middle).await? {
            Some(found) if found.offset < next.offset => {
                if dial.runs_back(first, found) {
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
fn places(bytes: u64, reach: u64) -> impl Iterator<Item = u64> {
    let longest = (bytes / MAX_PART).max(FIRST_PLACE);
    let further = move |at: u64| at + (at / PART).clamp(FIRST_PLACE, longest);
    let places = std::iter::successors(Some(0), move |at| Some(further(*at)));
    let last = bytes.saturating_sub(reach);
    // The first clock behind a place may be that of an earlier recording, so the last places are closer together.
    let distances = std::iter::successors(Some(reach), |distance| Some(distance / 2));
    let distances = distances.take_while(|distance| *distance >= LAST_PLACE);
    let last_places = distances.map(move |distance| bytes.saturating_sub(distance));
    places.take_while(move |at| *at < last).chain(last_places)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIAL: Dial = Dial {
        reach: 64 * 1024,
        tolerance: 1000,
    };

    /// The restart in recordings of so many bytes, with so many ticks a kilobyte. A clock is in each `every` bytes, and
    /// that at `wild` is wrong.
    async fn found(recordings: &[(u64, i64)], every: u64, wild: Range<u64>) -> Option<u64> {
        let bytes = recordings.iter().map(|(bytes, _)| bytes).sum();
        let read = async |at: u64| {
            let at = at.next_multiple_of(every);
            if wild.contains(&at) {
                let ticks = 1 << 32;
                return Ok(Some(Reading { offset: at, ticks }));
            }
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
        let look = async |range: Range<u64>| {
            if !wild.is_empty() {
                return Ok(None);
            }
            let mut latest = None;
            for at in range.step_by(every as usize) {
                let next = read(at).await?;
                if matches!((latest, next), (Some(Reading { ticks, .. }), Some(next)) if next.ticks < ticks)
                {
                    return Ok(latest);
                }
                latest = next;
            }
            Ok(None)
        };
        let found = restart(bytes, DIAL, read, look).await.unwrap();
        found.map(|reading| reading.offset)
    }

    #[tokio::test]
    async fn a_second_recording_is_found_wherever_it_starts() {
        const TOTAL: u64 = 1 << 30;
        let mut at = 256 * 1024;
        while at < TOTAL - 64 * 1024 {
            for rate in [50, 100, 150] {
                let place = found(&[(at, 100), (TOTAL - at, rate)], 1000, 0..0).await;
                let place = place.unwrap_or_else(|| panic!("{at} {rate}"));
                assert!(
                    place <= at && at - place <= 2 * NARROW,
                    "{at} {rate} {place}"
                );
            }
            at = at * 17 / 16 + 1;
        }
    }

    #[tokio::test]
    async fn a_short_end_is_found_though_most_places_have_no_clock() {
        for last in [4, 30, 100, 1000] {
            let recordings = [(100 << 20, 1000), (last << 10, 1000)];
            assert!(found(&recordings, 2000, 0..0).await.is_some(), "{last}");
        }
    }

    #[test]
    fn two_readings_before_and_two_behind_tell_a_restart_from_a_wrong_time() {
        let place = |ticks: &[i64]| {
            let readings = ticks.iter().zip(0..);
            let readings = readings.map(|(ticks, offset)| Reading {
                offset,
                ticks: ticks * 10_000,
            });
            runs_back(DIAL, readings).map(|(before, behind)| (before.offset, behind.offset))
        };
        assert_eq!(place(&[0, 1, 2, 3, 0, 1]), Some((3, 4)));
        // One early time, one late one, and one at either end.
        assert_eq!(place(&[5, 6, 7, 1, 8, 9]), None);
        assert_eq!(place(&[5, 6, 700, 7, 8, 9]), None);
        assert_eq!(place(&[700, 5, 6, 7]), None);
        assert_eq!(place(&[5, 6, 7, 1]), None);
        // Several wrong ones, each by itself.
        assert_eq!(place(&[5, 0, 6, 0, 7, 0, 8]), None);
        // A clock that turns over goes on.
        let second = 90_000;
        let around = [-3, -2, 0, 1, 2].map(|n| (n * second + (1 << 33)) % (1 << 33) / 10_000);
        assert_eq!(place(&around), None);
    }

    #[tokio::test]
    async fn one_recording_has_no_restart_and_one_wrong_clock_is_none() {
        assert_eq!(found(&[(1 << 32, 100)], 1000, 0..0).await, None);
        for number in [0, 1, 20, 40] {
            let place = places(1 << 32, DIAL.reach).nth(number).unwrap();
            let wild = place.next_multiple_of(1000);
            let wild = wild..wild + 1;
            assert_eq!(
                found(&[(1 << 32, 100)], 1000, wild.clone()).await,
                None,
                "{wild:?}"
            );
        }
        assert!(places(1 << 32, DIAL.reach).count() < 80);
        assert!(places(100 << 20, DIAL.reach).count() < 50);
    }
}

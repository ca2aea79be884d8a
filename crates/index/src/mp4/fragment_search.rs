//! Searches for fragments that no index names, so that several walks can start at them.

use std::ops::Range;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::BlockCache;

use super::{
    boxes::{HEADER, Header, number},
    read_ahead::ReadAhead,
    walk_state::{CONCURRENT_WALKS, MAX_MOOF_BYTES, WalkState},
};
use crate::error::IndexError;

/// How many fragments one walk should cover. A search reads half a fragment, and more often half a long one, so that
/// all searches together cost less than one per cent of the file. A walk takes so many requests in a row, of 20 ms
/// or less.
const FRAGMENTS_PER_WALK: u64 = 150;

/// Least bytes for one walk.
const MIN_WALK_BYTES: u64 = 1024 * 1024;

/// Most walks: those of a day.
const MAX_WALKS: u64 = 128;

/// The part of a file that is searched for an example. If fragments are longer, they are few.
const EXAMPLE_PART: u64 = 64;

/// How far each search goes after that: over so many fragments like the example.
const REACH: u64 = 4;

/// A search reads a fragment in so many steps; and the shortest and longest step, in bytes.
const STEPS: u64 = 4;
const MIN_STEP: u64 = 16 * 1024;
const MAX_STEP: u64 = 256 * 1024;

/// How many bytes identify a `moof`: its header, an `mfhd`, and the header of a `traf`.
const SIGNATURE: usize = 32;

/// Adds offsets of fragments to `known`, which are such offsets in order, wherever there are many fragments between
/// two of them.
pub(super) async fn fill_gaps(
    blocks: &BlockCache,
    mut known: Vec<u64>,
    state: &WalkState,
) -> Result<Vec<u64>, IndexError> {
    let bytes = blocks.reader().len();
    let longest = gaps(&known, bytes).max_by_key(|gap| gap.end - gap.start);
    let longest = longest.unwrap_or_default();
    if longest.end - longest.start < 2 * MIN_WALK_BYTES {
        return Ok(known);
    }
    // The first fragment would be a bad example: films start dark.
    let middle = longest.start.midpoint(longest.end);
    let end = longest.end.min(middle.saturating_add(bytes / EXAMPLE_PART));
    let Some(example) = search(blocks, middle..end, 2 * MIN_STEP, state).await? else {
        return Ok(known);
    };
    known.push(example);
    known.sort_unstable();

    let length = fragment_length(blocks, example, state).await?;
    let walk_bytes = length
        .saturating_mul(FRAGMENTS_PER_WALK)
        .max(MIN_WALK_BYTES);
    let walk_bytes = walk_bytes.max(bytes / MAX_WALKS);
    let step = (length / STEPS).clamp(MIN_STEP, MAX_STEP);
    let reach = length.saturating_mul(REACH).saturating_add(step);
    let guesses = |gap: Range<u64>| {
        let last = gap.end.saturating_sub(walk_bytes / 2);
        let step = usize::try_from(walk_bytes).unwrap_or(usize::MAX);
        let guesses = (gap.start..last).step_by(step).skip(1);
        guesses.map(move |guess| guess..guess.saturating_add(reach).min(gap.end))
    };
    let ranges: Vec<_> = gaps(&known, bytes).flat_map(guesses).collect();
    let found = stream::iter(ranges).map(|range| search(blocks, range, step, state));
    let found: Vec<Option<u64>> = found.buffered(CONCURRENT_WALKS).try_collect().await?;
    known.extend(found.into_iter().flatten());
    known.sort_unstable();
    known.dedup();
    Ok(known)
}

/// From each of `known` to the next; from the last to `end`.
fn gaps(known: &[u64], end: u64) -> impl Iterator<Item = Range<u64>> {
    let ends = known.iter().copied().skip(1).chain([end]);
    known
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
}

/// The first offset in `range` at which a `moof` seems to start. Reads `step` bytes at once.
pub(super) async fn search(
    blocks: &BlockCache,
    range: Range<u64>,
    step: u64,
    state: &WalkState,
) -> Result<Option<u64>, IndexError> {
    let mut ahead = ReadAhead::new(blocks.reader(), state);
    let mut at = range.start;
    while at < range.end {
        // Overlapping, so that nothing is missed between two reads.
        let piece = ahead.read(at, step + SIGNATURE as u64, step).await?;
        if let Some(position) = piece.windows(SIGNATURE).position(is_moof) {
            let found = at + position as u64;
            return Ok((found < range.end).then_some(found));
        }
        at += step;
    }
    Ok(None)
}

/// Length of the fragment at `at` with its `mdat`, in bytes.
async fn fragment_length(
    blocks: &BlockCache,
    at: u64,
    state: &WalkState,
) -> Result<u64, IndexError> {
    let bytes = blocks.reader().len();
    let mut ahead = ReadAhead::new(blocks.reader(), state);
    let mut end = at;
    for _ in 0..2 {
        let head = ahead.read(end, HEADER, HEADER).await?;
        end = Header::parse(&head).map_or(end, |header| header.end(end, bytes));
    }
    Ok(end - at)
}

/// Whether a `moof` may start with `signature`.
fn is_moof(signature: &[u8]) -> bool {
    let length = number(signature, 0).map(u64::from);
    signature[4..8] == *b"moof"
        && length.is_some_and(|length| (SIGNATURE as u64..=MAX_MOOF_BYTES).contains(&length))
        && signature[8..16] == *b"\0\0\0\x10mfhd"
        && signature[28..32] == *b"traf"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_told_from_the_word_in_the_pictures() {
        let moof = b"\0\0\x01\0moof\0\0\0\x10mfhd\0\0\0\0\0\0\0\x01\0\0\0\x80traf";
        assert!(is_moof(moof));
        for position in [0, 4, 11, 12, 28] {
            let mut other = *moof;
            other[position] ^= 0x40;
            assert!(!is_moof(&other), "{position}");
        }
    }
}

//! Looks for fragments that no index names, so that a file can be read in many places at a time.

use std::ops::Range;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::block_cache::BlockCache;

use super::{
    boxes::{HEADER, Header, number},
    fragment_walk::{AT_ONCE, LONGEST_MOOF, Shared},
    read_ahead::ReadAhead,
};
use crate::container_index::IndexError;

/// How many fragments should be between two places. A search reads half a fragment, and more often
/// half a long one, so that all together cost less than one per cent of the file. From one place to the
/// next are so many requests in a row, of 20 ms or less.
const BETWEEN: u64 = 150;

/// Least bytes between two places.
const LEAST_BETWEEN: u64 = 1024 * 1024;

/// Most places.
const MOST_PLACES: u64 = 64;

/// The part of a file that is searched for a first example. If its fragments are longer, they are few.
const EXAMPLE_PART: u64 = 64;

/// How far is searched after that: over so many fragments like the example.
const REACH: u64 = 4;

/// How much of a fragment is read at once, and least and most of it, in bytes.
const STEPS: u64 = 4;
const SHORTEST_STEP: u64 = 16 * 1024;
const LONGEST_STEP: u64 = 256 * 1024;

/// Bytes by which a `moof` is recognised: its header, an `mfhd`, and the header of a `traf`.
const SIGN: usize = 32;

/// Adds places where a fragment starts to `known`, which are such places and in order, wherever there
/// are many fragments between two of them.
pub(super) async fn fill_gaps(
    blocks: &BlockCache,
    mut known: Vec<u64>,
    shared: &Shared,
) -> Result<Vec<u64>, IndexError> {
    let bytes = blocks.reader().len();
    let longest = gaps(&known, bytes).max_by_key(|gap| gap.end - gap.start);
    let longest = longest.unwrap_or_default();
    if longest.end - longest.start < 2 * LEAST_BETWEEN {
        return Ok(known);
    }
    // The first fragment would be a bad example: films start dark.
    let middle = longest.start.midpoint(longest.end);
    let end = longest.end.min(middle.saturating_add(bytes / EXAMPLE_PART));
    let Some(example) = search(blocks, middle..end, 2 * SHORTEST_STEP, shared).await? else {
        return Ok(known);
    };
    known.push(example);
    known.sort_unstable();

    let length = fragment_length(blocks, example, shared).await?;
    let between = length.saturating_mul(BETWEEN).max(LEAST_BETWEEN);
    let between = between.max(bytes / MOST_PLACES);
    let step = (length / STEPS).clamp(SHORTEST_STEP, LONGEST_STEP);
    let reach = length.saturating_mul(REACH).saturating_add(step);
    let guesses = |gap: Range<u64>| {
        let last = gap.end.saturating_sub(between / 2);
        let step = usize::try_from(between).unwrap_or(usize::MAX);
        let guesses = (gap.start..last).step_by(step).skip(1);
        guesses.map(move |guess| guess..guess.saturating_add(reach).min(gap.end))
    };
    let ranges: Vec<_> = gaps(&known, bytes).flat_map(guesses).collect();
    let found = stream::iter(ranges).map(|range| search(blocks, range, step, shared));
    let found: Vec<Option<u64>> = found.buffered(AT_ONCE).try_collect().await?;
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

/// The first place in `range` that looks like the start of a `moof`, reading `step` bytes at once.
async fn search(
    blocks: &BlockCache,
    range: Range<u64>,
    step: u64,
    shared: &Shared,
) -> Result<Option<u64>, IndexError> {
    let mut window = ReadAhead::new(blocks.reader(), shared);
    let mut at = range.start;
    while at < range.end {
        // With so much of the next piece that nothing is missed between them.
        let piece = window.read(at, step + SIGN as u64, step).await?;
        if let Some(place) = piece.windows(SIGN).position(is_moof) {
            let found = at + place as u64;
            return Ok((found < range.end).then_some(found));
        }
        at += step;
    }
    Ok(None)
}

/// Length of the fragment at `at`, with its pictures.
async fn fragment_length(blocks: &BlockCache, at: u64, shared: &Shared) -> Result<u64, IndexError> {
    let bytes = blocks.reader().len();
    let mut window = ReadAhead::new(blocks.reader(), shared);
    let mut end = at;
    for _ in 0..2 {
        let head = window.read(end, HEADER, HEADER).await?;
        end = Header::parse(&head).map_or(end, |header| header.end(end, bytes));
    }
    Ok(end - at)
}

/// Whether a `moof` may start with `sign`.
fn is_moof(sign: &[u8]) -> bool {
    let length = number(sign, 0).map(u64::from);
    sign[4..8] == *b"moof"
        && length.is_some_and(|length| (SIGN as u64..=LONGEST_MOOF).contains(&length))
        && sign[8..16] == *b"\0\0\0\x10mfhd"
        && sign[28..32] == *b"traf"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_told_from_the_word_in_the_pictures() {
        let moof = b"\0\0\x01\0moof\0\0\0\x10mfhd\0\0\0\0\0\0\0\x01\0\0\0\x80traf";
        assert!(is_moof(moof));
        for place in [0, 4, 11, 12, 28] {
            let mut other = *moof;
            other[place] ^= 0x40;
            assert!(!is_moof(&other), "{place}");
        }
    }
}

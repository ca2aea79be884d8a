//! Reads the `moof`s of a fragmented file, many at a time.
//!
//! From one fragment to the next there is only the way over their lengths, one request after the
//! other. So the file is split into lanes, which are walked at the same time and meet where the next
//! one begins: at the segments that an index names, or else where a search from a guess finds a
//! fragment.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::blocks::Blocks;

use super::{
    boxes::{HEADER, Header, none},
    parts::Parts,
    starts::Starts,
    window::Window,
};
use crate::index::IndexError;

/// How many fragments a lane should have if no index names them: a search reads half a fragment, so
/// that is what searches may cost.
const IN_LANE: u64 = 50;

/// Length of the shortest such lane, in bytes.
const SHORTEST_LANE: u64 = 1024 * 1024;

/// Most such lanes.
const MOST_LANES: u64 = 64;

/// How far is searched: over so many fragments as the first, and what is read at once.
const SEARCHED: u64 = 3;

/// How many lanes are walked at a time.
const AT_ONCE: usize = 64;

/// Most requests: 5,400 fragments of two seconds are three hours.
const MOST_REQUESTS: usize = 20_000;

/// Most bytes of all `moof`s, since they are all kept.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Longest `moof`, in bytes.
const LONGEST_MOOF: u64 = 8 * 1024 * 1024;

/// A fragment shorter than this, in bytes, is read on over: that costs less than a request.
const SHORT: u64 = 8 * 1024;

/// How much is read at once while fragments are that short, and while one is searched for.
const STRIDE: u64 = 128 * 1024;

/// Bytes by which a search recognises a `moof`: its header, an `mfhd`, and the header of a `traf`.
const SIGN: usize = 32;

/// What all lanes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) requests: AtomicUsize,
    moof_bytes: AtomicU64,
    /// How much to read where a `moof` starts: as much as the last one needed, and a little.
    step: AtomicU64,
    /// Length of the first fragment, in bytes.
    fragment: u64,
}

/// Reads the fragments behind a `moov` that ends at `at` into `parts`.
pub(super) async fn read(blocks: &Blocks, at: u64, parts: &mut Parts) -> Result<(), IndexError> {
    let starts = Starts::read(blocks, at).await?;
    parts.has_segment_index = starts.has_segment_index;
    let Some(first) = starts.first else {
        return Ok(());
    };
    let shared = Shared {
        requests: AtomicUsize::new(0),
        moof_bytes: AtomicU64::new(0),
        step: AtomicU64::new(step_for(starts.first_len.min(LONGEST_MOOF))),
        fragment: starts.fragment_len,
    };
    let has_more_known = starts.known.len() > 1;
    let fragments = match walk_all(blocks, starts.known, &shared).await {
        // What an index says may be wrong.
        Err(IndexError::None(_)) if has_more_known => {
            shared.moof_bytes.store(0, Relaxed);
            walk_all(blocks, vec![first], &shared).await?
        }
        fragments => fragments?,
    };
    parts.fragments = fragments;
    Ok(())
}

/// Walks from each of `starts` to the next, and in long gaps also from guesses.
async fn walk_all(
    blocks: &Blocks,
    starts: Vec<u64>,
    shared: &Shared,
) -> Result<Vec<(u64, Bytes)>, IndexError> {
    let bytes = blocks.reader().len();
    let length = shared.fragment.saturating_mul(IN_LANE);
    let length = length.max(bytes / MOST_LANES).max(SHORTEST_LANE);
    let mut searches = Vec::new();
    let ends = starts.iter().copied().skip(1).chain([bytes]);
    for (start, end) in starts.iter().copied().zip(ends) {
        let guesses = (1..).map(|lane| length.saturating_mul(lane).saturating_add(start));
        let guesses: Vec<u64> = guesses.take_while(|guess| *guess < end).collect();
        let limits = guesses.iter().copied().skip(1).chain([end]);
        searches.extend(
            guesses
                .iter()
                .copied()
                .zip(limits)
                .map(|(from, to)| from..to),
        );
    }
    let found = stream::iter(searches).map(|range| search(blocks, range, shared));
    let found: Vec<Option<u64>> = found.buffered(AT_ONCE).try_collect().await?;
    let mut starts = starts;
    starts.extend(found.into_iter().flatten());
    starts.sort_unstable();

    let ends = starts.iter().copied().skip(1).map(Some).chain([None]);
    let lanes: Vec<_> = starts.iter().copied().zip(ends).collect();
    let lanes = stream::iter(lanes).map(|(start, end)| walk(blocks, start, end, shared));
    let lanes: Vec<Vec<_>> = lanes.buffered(AT_ONCE).try_collect().await?;
    Ok(lanes.into_iter().flatten().collect())
}

/// The fragments from `at` to `end`, where the next lane begins; without one, to the end of the file.
async fn walk(
    blocks: &Blocks,
    mut at: u64,
    end: Option<u64>,
    shared: &Shared,
) -> Result<Vec<(u64, Bytes)>, IndexError> {
    let bytes = blocks.reader().len();
    let mut window = Window::new(blocks.reader(), shared);
    let mut found = Vec::new();
    let mut fragment = at;
    while at < end.unwrap_or(bytes) {
        let step = shared.step.load(Relaxed);
        let head = window.read(at, HEADER, step).await?;
        let Some(header) = Header::parse(&head) else {
            break;
        };
        let next = header.end(at, bytes);
        match &header.kind {
            b"moof" => {
                let length = next - at;
                if length > LONGEST_MOOF || header.len != 8 {
                    return Err(none("a fragment's description is too long"));
                }
                // With the header of what follows.
                let moof = window.read(at, length + HEADER, step).await?;
                let Some(moof) = moof.get(header.len as usize..length as usize) else {
                    break;
                };
                if shared.moof_bytes.fetch_add(length, Relaxed) > MOST_BYTES {
                    return Err(none("there are too many fragments"));
                }
                // Copied, or else it would hold on to all that was read with it.
                found.push((at, Bytes::copy_from_slice(moof)));
                shared.step.store(step_for(length), Relaxed);
                fragment = at;
            }
            b"mdat" if next.saturating_sub(fragment) < SHORT => {
                shared.step.store(STRIDE, Relaxed);
            }
            _ => {}
        }
        at = next;
    }
    if end.is_some_and(|end| end != at) {
        return Err(none("fragments do not meet"));
    }
    Ok(found)
}

fn step_for(moof: u64) -> u64 {
    moof + moof / 4 + 4 * HEADER
}

/// The first place in `range` that looks like the start of a `moof`.
async fn search(
    blocks: &Blocks,
    range: Range<u64>,
    shared: &Shared,
) -> Result<Option<u64>, IndexError> {
    let mut window = Window::new(blocks.reader(), shared);
    let mut at = range.start;
    let searched = shared
        .fragment
        .saturating_mul(SEARCHED)
        .saturating_add(STRIDE);
    let last = at.saturating_add(searched).min(range.end);
    while at < last {
        let piece = window.read(at, STRIDE + SIGN as u64, STRIDE).await?;
        let place = piece.windows(SIGN).position(is_moof);
        if let Some(place) = place {
            let found = at + place as u64;
            return Ok((found < range.end).then_some(found));
        }
        at += STRIDE;
    }
    Ok(None)
}

/// Whether a `moof` may start with `sign`.
fn is_moof(sign: &[u8]) -> bool {
    let length = super::boxes::number(sign, 0).map(u64::from);
    sign[4..8] == *b"moof"
        && length.is_some_and(|length| (SIGN as u64..=LONGEST_MOOF).contains(&length))
        && sign[8..16] == *b"\0\0\0\x10mfhd"
        && sign[28..32] == *b"traf"
}

impl Shared {
    /// Counts a request that is about to be sent.
    pub(super) fn count(&self) -> Result<(), IndexError> {
        if self.requests.fetch_add(1, Relaxed) < MOST_REQUESTS {
            Ok(())
        } else {
            Err(none("the fragments take too many requests"))
        }
    }
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

//! Reads the `moof`s of a fragmented file, many at a time.
//!
//! From one fragment to the next there is only the way over their lengths, one request after the
//! other. So the file is split into lanes, which are walked at the same time and meet where the next
//! one begins: at the segments that an index names, or else where a search from a guess finds a
//! fragment.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::block_cache::BlockCache;

use super::{
    boxes::{HEADER, Header, none},
    fragment_offsets::FragmentOffsets,
    read_ahead::ReadAhead,
    search::fill_gaps,
    top_level_boxes::TopLevelBoxes,
};
use crate::container_index::IndexError;

/// How many lanes are walked at a time.
pub(super) const AT_ONCE: usize = 64;

/// Most requests: 5,400 fragments of two seconds are three hours.
const MOST_REQUESTS: usize = 20_000;

/// Most bytes of all `moof`s, since they are all kept.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// What a fragment takes beside its own bytes: an empty one costs memory, too.
const COST: u64 = 128;

/// Longest `moof`, in bytes.
pub(super) const LONGEST_MOOF: u64 = 8 * 1024 * 1024;

/// A fragment shorter than this, in bytes, is read on over: that costs less than a request.
const SHORT: u64 = 8 * 1024;

/// How much is read at once while fragments are that short, in bytes.
const STRIDE: u64 = 128 * 1024;

/// Least and most to read where a `moof` starts, in bytes.
const STEPS: (u64, u64) = (512, 64 * 1024);

/// What all lanes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) requests: AtomicUsize,
    moof_bytes: AtomicU64,
    /// How much to read where a `moof` starts: as much as the longest one needed, and a little.
    step: AtomicU64,
}

/// Reads the fragments behind a `moov` that ends at `at` into `parts`.
pub(super) async fn read(
    blocks: &BlockCache,
    at: u64,
    parts: &mut TopLevelBoxes,
) -> Result<(), IndexError> {
    let starts = FragmentOffsets::read(blocks, at).await?;
    parts.has_segment_index = starts.has_segment_index;
    let Some(first) = starts.first else {
        return Ok(());
    };
    let shared = Shared {
        requests: AtomicUsize::new(0),
        moof_bytes: AtomicU64::new(0),
        step: AtomicU64::new(step_for(starts.first_len)),
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

/// Walks from each of `starts` to the next, and in long gaps also from places in between.
async fn walk_all(
    blocks: &BlockCache,
    starts: Vec<u64>,
    shared: &Shared,
) -> Result<Vec<(u64, Bytes)>, IndexError> {
    let starts = fill_gaps(blocks, starts, shared).await?;
    let ends = starts.iter().copied().skip(1).map(Some).chain([None]);
    let lanes: Vec<_> = starts.iter().copied().zip(ends).collect();
    let lanes = stream::iter(lanes).map(|(start, end)| walk(blocks, start, end, shared));
    let lanes: Vec<Vec<_>> = lanes.buffered(AT_ONCE).try_collect().await?;
    Ok(lanes.into_iter().flatten().collect())
}

/// The fragments from `at` to `end`, where the next lane begins; without one, to the end of the file.
async fn walk(
    blocks: &BlockCache,
    mut at: u64,
    end: Option<u64>,
    shared: &Shared,
) -> Result<Vec<(u64, Bytes)>, IndexError> {
    let bytes = blocks.reader().len();
    let mut window = ReadAhead::new(blocks.reader(), shared);
    let mut found = Vec::new();
    let (mut fragment, mut is_short) = (at, false);
    while at < end.unwrap_or(bytes) {
        let step = if is_short {
            STRIDE
        } else {
            shared.step.load(Relaxed)
        };
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
                let cost = length.saturating_add(COST);
                if shared.moof_bytes.fetch_add(cost, Relaxed) > MOST_BYTES {
                    return Err(none("there are too many fragments"));
                }
                // With the header of what follows.
                let moof = window.read(at, length + HEADER, step).await?;
                let Some(moof) = moof.get(header.len as usize..length as usize) else {
                    break;
                };
                // Copied, or else it would hold on to all that was read with it.
                found.push((at, Bytes::copy_from_slice(moof)));
                shared.step.fetch_max(step_for(length), Relaxed);
                fragment = at;
            }
            b"mdat" => is_short = next.saturating_sub(fragment) < SHORT,
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
    let (least, most) = STEPS;
    moof.saturating_add(moof / 8 + 2 * HEADER)
        .clamp(least, most)
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

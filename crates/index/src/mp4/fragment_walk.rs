//! Reads the `moof`s of a fragmented file, many at a time.
//!
//! A fragment says only how long it is, so a walk goes from one to the next, one request after the other. Several
//! walks run at once, and each one ends where the next one started. They start at the segments that an index names,
//! or else at fragments that a search finds.

use std::{pin::pin, sync::atomic::Ordering::Relaxed};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::BlockCache;

use super::{
    boxes::{HEADER, Header, none},
    fragment_listing::FragmentListing,
    fragment_offsets::FragmentOffsets,
    fragment_search::{fill_gaps, search},
    read_ahead::ReadAhead,
    walk_state::{CONCURRENT_WALKS, MAX_MOOF_BYTES, WalkState, step_for},
};
use crate::error::IndexError;

/// A fragment shorter than this, in bytes, is read through: that costs less than a request.
const SHORT_FRAGMENT: u64 = 8 * 1024;

/// How much is read at once while fragments are that short, in bytes.
const STRIDE: u64 = 128 * 1024;

/// How much a search behind a hole reads at once, in bytes.
const RESYNC_STEP: u64 = 256 * 1024;

/// A `moof`, or another `moov`: the start of a recording that was appended to the first.
#[derive(Clone, Debug)]
pub(super) struct Moof {
    /// Where it starts.
    pub(super) at: u64,
    /// What is in it.
    pub(super) content: Bytes,
    /// Whether bytes before it belong to no box.
    pub(super) is_behind_hole: bool,
    /// Whether it is a `moov`.
    pub(super) is_moov: bool,
    /// Whether the file breaks off in it. Then it has no content.
    pub(super) is_cut_off: bool,
}

/// Reads the fragments behind a `moov` that ends at `at`, and adds them to `listing`.
pub(super) async fn read(
    blocks: &BlockCache,
    at: u64,
    listing: &mut FragmentListing<'_>,
) -> Result<(), IndexError> {
    let offsets = FragmentOffsets::read(blocks, at).await?;
    listing.has_segment_index = offsets.has_segment_index;
    let Some(first) = offsets.first else {
        return Ok(());
    };
    let state = WalkState::new(offsets.first_len);
    let has_more_known = offsets.known.len() > 1;
    match walk_all(blocks, offsets.known, &state, listing).await {
        // What an index says may be wrong.
        Err(IndexError::None(_)) if has_more_known => {
            state.moof_bytes.store(0, Relaxed);
            listing.restart();
            walk_all(blocks, vec![first], &state, listing).await
        }
        walked => walked,
    }
}

/// Walks from each of `starts` to the next, and in long gaps also from fragments in between. The fragments of a walk
/// are let go of when those before have been added: all those of a day take 85 MB.
async fn walk_all(
    blocks: &BlockCache,
    starts: Vec<u64>,
    state: &WalkState,
    listing: &mut FragmentListing<'_>,
) -> Result<(), IndexError> {
    let starts = fill_gaps(blocks, starts, state).await?;
    let ends = starts.iter().copied().skip(1).map(Some).chain([None]);
    let walks: Vec<_> = starts.iter().copied().zip(ends).collect();
    let walks = stream::iter(walks).map(|(start, end)| walk(blocks, start, end, state));
    let mut walks = pin!(walks.buffered(CONCURRENT_WALKS));
    while let Some(found) = walks.try_next().await? {
        found.iter().try_for_each(|moof| listing.add(moof))?;
    }
    Ok(())
}

/// The fragments from `at` to `end`, where the next walk started; without that, to the end of the file.
async fn walk(
    blocks: &BlockCache,
    mut at: u64,
    end: Option<u64>,
    state: &WalkState,
) -> Result<Vec<Moof>, IndexError> {
    let bytes = blocks.reader().len();
    let mut ahead = ReadAhead::new(blocks.reader(), state);
    let mut found = Vec::new();
    let (mut fragment, mut is_short) = (at, false);
    let mut is_behind_hole = false;
    while at < end.unwrap_or(bytes) {
        let step = if is_short {
            STRIDE
        } else {
            state.step.load(Relaxed)
        };
        let head = ahead.read(at, HEADER, step).await?;
        let header = Header::parse(&head).filter(Header::is_plausible);
        let Some(header) = header else {
            let rest = at..end.unwrap_or(bytes) + 1;
            let Some(found) = search(blocks, rest, RESYNC_STEP, state).await? else {
                // What is left is no video.
                at = end.unwrap_or(at);
                break;
            };
            (at, is_behind_hole) = (found, true);
            continue;
        };
        let next = header.end(at, bytes);
        match &header.kind {
            b"moof" | b"moov" => {
                let length = next - at;
                if length > MAX_MOOF_BYTES || header.len != 8 {
                    return Err(none("a fragment's description is too long"));
                }
                state.count_moof(length)?;
                // With the header of what follows.
                let moof = ahead.read(at, length + HEADER, step).await?;
                let moof = moof.get(header.len as usize..length as usize);
                // Copied, or else it would hold on to all that was read with it.
                found.push(Moof {
                    at,
                    content: moof.map(Bytes::copy_from_slice).unwrap_or_default(),
                    is_behind_hole,
                    is_moov: header.kind == *b"moov",
                    is_cut_off: moof.is_none(),
                });
                is_behind_hole = false;
                state.step.fetch_max(step_for(length), Relaxed);
                fragment = at;
            }
            b"mdat" => is_short = next.saturating_sub(fragment) < SHORT_FRAGMENT,
            _ => {}
        }
        at = next;
    }
    if end.is_some_and(|end| end != at) {
        return Err(none("fragments do not meet"));
    }
    Ok(found)
}

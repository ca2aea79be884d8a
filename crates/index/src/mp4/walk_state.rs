//! What the concurrent walks over fragments share: their limits, and what they have learnt.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::boxes::{HEADER, none};
use crate::error::IndexError;

/// How many walks, or searches for their starts, run at once.
pub(super) const CONCURRENT_WALKS: usize = 64;

/// Longest `moof`, in bytes.
pub(super) const MAX_MOOF_BYTES: u64 = 8 * 1024 * 1024;

/// Most requests: 14,400 fragments of six seconds are a day.
const MAX_REQUESTS: usize = 25_000;

/// Most bytes of all `moof`s: those of a day at 60 pictures a second.
const MAX_BYTES: u64 = 112 * 1024 * 1024;

/// What a fragment costs beside its own bytes: an empty one takes memory, too.
const COST: u64 = 128;

/// Least and most to read where a `moof` starts, in bytes.
const STEPS: (u64, u64) = (512, 64 * 1024);

/// What all walks share.
#[derive(Debug)]
pub(super) struct WalkState {
    requests: AtomicUsize,
    pub(super) moof_bytes: AtomicU64,
    /// How much to read where a `moof` starts: as much as the longest one needed, and a little.
    pub(super) step: AtomicU64,
}

impl WalkState {
    /// `moof` is the length of the first `moof`.
    pub(super) fn new(moof: u64) -> Self {
        Self {
            requests: AtomicUsize::new(0),
            moof_bytes: AtomicU64::new(0),
            step: AtomicU64::new(step_for(moof)),
        }
    }

    /// Counts a request that is about to be sent.
    pub(super) fn count_request(&self) -> Result<(), IndexError> {
        if self.requests.fetch_add(1, Relaxed) < MAX_REQUESTS {
            Ok(())
        } else {
            Err(none("the fragments take too many requests"))
        }
    }

    /// Counts a `moof` of so many bytes that is about to be read.
    pub(super) fn count_moof(&self, bytes: u64) -> Result<(), IndexError> {
        let cost = bytes.saturating_add(COST);
        if self.moof_bytes.fetch_add(cost, Relaxed) > MAX_BYTES {
            return Err(none("there are too many fragments"));
        }
        Ok(())
    }
}

/// How much to read where a `moof` of so many bytes starts.
pub(super) fn step_for(moof: u64) -> u64 {
    let (least, most) = STEPS;
    moof.saturating_add(moof / 8 + 2 * HEADER)
        .clamp(least, most)
}

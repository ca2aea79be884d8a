//! Tiles that are lost, and holes in the film with many of them.

use std::time::Duration;

use gifgen_ledger::{JobFailure, LostTile};
use gifgen_shared::Deadline;

use super::{exact_tiles::BEHIND_WRONG_SECONDS, sheet_job::Rendition};
use crate::error::{JobError, PermanentError};

/// Tiles behind the last good one and a lost one that are looked at for the end of a hole at first. While the hole goes on,
/// twice as many.
const FIRST_LOOK: usize = 4;

/// What is lost of a sheet.
pub(super) struct Losses {
    tiles: Vec<LostTile>,
    /// The error of the first one.
    first: Option<PermanentError>,
    /// Tiles that are lost one after the other, up to the current one.
    pub in_a_row: usize,
    /// The hole in which the current tile may be.
    pub hole: Option<Hole>,
    /// Time that is left for tiles that are lost. The others need some, too.
    left: Duration,
}

/// A part of the film without right pictures.
pub(super) struct Hole {
    /// Where right pictures start again, in seconds.
    to: f64,
    why: JobFailure,
}

impl Losses {
    /// Nothing is lost, and finding out what is takes half of the time until `deadline`, at most.
    pub(super) fn new(deadline: Deadline) -> Self {
        Self {
            tiles: Vec::new(),
            first: None,
            in_a_row: 0,
            hole: None,
            left: deadline.left() / 2,
        }
    }

    /// The tile at second `at` is lost.
    pub(super) fn add(&mut self, at: u32, error: PermanentError) {
        self.tiles.push(LostTile {
            at,
            error: error.failure(),
        });
        self.first.get_or_insert(error);
        self.in_a_row += 1;
    }

    /// Whether the tile at second `at` is in the hole. Then it is lost.
    pub(super) fn in_hole(&mut self, at: u32) -> bool {
        let Some(hole) = self.hole.as_ref().filter(|hole| f64::from(at) < hole.to) else {
            return false;
        };
        let error = hole.why.clone();
        self.tiles.push(LostTile { at, error });
        true
    }

    /// It took so long to find out that a tile is lost.
    ///
    /// # Errors
    /// The first one, if that is too long in all.
    pub(super) fn take(&mut self, time: Duration) -> Result<(), JobError> {
        self.left = self.left.saturating_sub(time);
        match self.first.take_if(|_| self.left.is_zero()) {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// The lost tiles.
    ///
    /// # Errors
    /// The first one, if there are no others.
    pub(super) fn ended(self, are_all: bool) -> Result<Vec<LostTile>, JobError> {
        match self.first {
            Some(error) if are_all => Err(error.into()),
            _ => Ok(self.tiles),
        }
    }
}

impl Rendition<'_> {
    /// The hole in which the tile at the first of `slots` is, in one decode from the last good tile on instead of one for
    /// each lost tile: deep in a hole, a decode has to start far back. `None` if that does not tell.
    pub(super) async fn hole(
        &self,
        good: Option<u32>,
        slots: &[u32],
    ) -> Result<Option<Hole>, JobError> {
        let (Some(first), Some(last)) = (slots.first(), slots.last()) else {
            return Ok(None);
        };
        let interval = self.job.sheet.interval;
        // At the last good tile, an older picture may stand in, but not at the one before.
        let start = good.map_or(*first, |good| good.saturating_sub(interval));
        // Without a good tile each decode would have to start far back, so there is only one.
        let mut look = good.map_or(slots.len(), |_| FIRST_LOOK);
        loop {
            let end = slots.get(look).unwrap_or(last);
            let count = (end - start) / interval + 1;
            let decoded = self.decoded_until(start, count, BEHIND_WRONG_SECONDS);
            let error = match Box::pin(decoded).await {
                Err(JobError::Permanent(error)) => error,
                Err(error) => return Err(error),
                Ok(_) => return Ok(None),
            };
            let PermanentError::Damaged { from, to } = error else {
                return Ok(None);
            };
            let is_behind_all = to > f64::from(*end);
            // A range over all of the slice may only mean that something in it is damaged.
            let is_local = from > f64::from(start) || !is_behind_all;
            if !is_local || to <= f64::from(*first) {
                return Ok(None);
            }
            if !is_behind_all || end == last {
                let why = error.failure();
                return Ok(Some(Hole { to, why }));
            }
            look *= 2;
        }
    }
}

//! Tiles that are lost, and holes in the film with many of them.

use std::time::Duration;

use gifgen_ledger::{JobFailure, LostTile};
use gifgen_shared::Deadline;

use super::sheet_job::Rendition;
use crate::error::{JobError, PermanentError};

/// So many tiles that are lost one after the other are a hole, whose end is looked for.
const HOLE: usize = 3;

/// What is lost of a sheet.
pub(super) struct Losses {
    tiles: Vec<LostTile>,
    /// The error of the first one.
    first: Option<PermanentError>,
    /// Tiles that are lost one after the other, up to the current one.
    pub in_a_row: usize,
    /// Time that is left for tiles that are lost. The others need some, too.
    left: Duration,
}

impl Losses {
    /// Nothing is lost, and finding out what is takes half of the time until `deadline`, at most.
    pub(super) fn new(deadline: Deadline) -> Self {
        Self {
            tiles: Vec::new(),
            first: None,
            in_a_row: 0,
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

    /// Whether the last tiles that were lost are a hole.
    pub(super) fn are_a_hole(&self) -> bool {
        self.in_a_row == HOLE
    }

    /// The tiles at `slots` are in a hole, behind the last one that was lost.
    pub(super) fn add_hole(&mut self, slots: &[u32]) {
        let Some(before) = self.tiles.last().cloned() else {
            return;
        };
        let JobFailure { reason, message } = before.error;
        let message = format!("it is in a hole: {message}");
        self.tiles.extend(slots.iter().map(|at| LostTile {
            at: *at,
            error: JobFailure {
                reason: reason.clone(),
                message: message.clone(),
            },
        }));
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
    /// How many of the tiles at `slots` are in the hole in which the first of them is. Each tile deep in a hole would take
    /// several decodes that start far back. So tiles are tried at doubled distances up to one that is not lost, and the
    /// end is searched between these. Single good tiles in the hole may be missed.
    ///
    /// # Errors
    /// Transient ones.
    pub(super) async fn hole(&self, slots: &[u32]) -> Result<usize, JobError> {
        // The tile before `lost` is lost. The one at `good` is not, or is behind the last one.
        let (mut lost, mut good) = (1, slots.len());
        let mut distance = 1;
        while lost < good {
            let place = match good == slots.len() {
                true => (lost + distance).min(good) - 1,
                false => lost + (good - lost) / 2,
            };
            let Some(slot) = slots.get(place) else {
                break;
            };
            match Box::pin(self.exact(*slot, 1)).await {
                Ok(_) => good = place,
                Err(JobError::Permanent(error)) if error.is_of_the_pictures() => lost = place + 1,
                Err(error) => return Err(error),
            }
            distance *= 2;
        }
        Ok(good)
    }
}

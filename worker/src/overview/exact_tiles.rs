//! Exact tiles: the picture on screen at a time, rendered and judged as a slice is. Where the source is damaged, the tile
//! is lost, and the others of its sheet are rendered.

use std::time::Instant;

use gifgen_ledger::LostTile;

use super::{
    losses::Losses,
    sheet_job::{FoundTile, Rendition},
};
use crate::{
    attempts::Attempts,
    error::{JobError, PermanentError},
    ffmpeg_run::Files,
    product::{Choice, Product},
    renderer::excerpt_or_seek,
};

/// How long the slice goes on behind its last tile, in seconds: long enough to have a picture.
const BEHIND_SECONDS: f64 = 0.05;

/// The same where pictures are wrong: long enough to show whether they are wrong for more than a second.
const BEHIND_WRONG_SECONDS: f64 = 1.1;

/// Up to this interval, in seconds, all pictures between tiles are decoded: a keyframe is seldom nearer than the tile
/// before.
const ALWAYS_ONE_RUN_SECONDS: u32 = 2;

/// Tiles with their pictures.
pub(super) struct Pictured {
    pub at: f64,
    pub exact: bool,
    /// Planes of green, blue and red.
    pub picture: Vec<u8>,
}

/// How many consecutive tiles one decode makes. If the keyframe is farther back than the tile before, twice as many as
/// before, since each tile alone would decode the same pictures again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run(usize);

impl Run {
    fn first(interval: u32) -> Self {
        let is_short = interval <= ALWAYS_ONE_RUN_SECONDS;
        Self(if is_short { usize::MAX } else { 1 })
    }

    /// The next one, behind a decode that began so many seconds before its first tile.
    fn next(self, decoded_before: f64, interval: u32) -> Self {
        if interval <= ALWAYS_ONE_RUN_SECONDS {
            self
        } else if decoded_before > f64::from(interval) {
            Self(self.0.saturating_mul(2))
        } else {
            Self(1)
        }
    }
}

impl Rendition<'_> {
    /// The pictures of `tiles`: those that they have, and exact ones for the others; and the tiles that are lost.
    ///
    /// # Errors
    /// Permanent if the source is damaged at each tile, or so much that this takes too long to find out.
    pub(super) async fn pictured(
        &self,
        tiles: Vec<FoundTile>,
    ) -> Result<(Vec<Pictured>, Vec<LostTile>), JobError> {
        let interval = self.job.sheet.interval;
        let slots: Vec<u32> = tiles.iter().map(|tile| tile.slot).collect();
        let needs: Vec<bool> = tiles.iter().map(|tile| tile.keyframe.is_none()).collect();
        let mut pictured = Vec::with_capacity(tiles.len());
        let mut losses = Losses::new(self.deadline);
        let mut run = Run::first(interval);
        // The end of the hole in which the current tile is.
        let mut hole_end = 0;
        // Exact pictures that are there already.
        let mut exact = Vec::new().into_iter();
        for (n, tile) in tiles.into_iter().enumerate() {
            let slot = tile.slot;
            if let Some((at, picture)) = tile.keyframe {
                losses.in_a_row = 0;
                pictured.push(Pictured {
                    at,
                    exact: false,
                    picture,
                });
                continue;
            }
            if n < hole_end {
                continue;
            }
            if exact.len() == 0 {
                // Behind a lost tile, the next ones are mostly lost, too.
                let most = if losses.in_a_row > 0 { 1 } else { run.0 };
                let length = run_from(&slots[n..], &needs[n..], interval, most);
                let started = Instant::now();
                match Box::pin(self.exact(slot, length as u32)).await {
                    Ok(files) => {
                        run = run.next(files.decoded_before, interval);
                        exact = files.raw.into_iter();
                    }
                    Err(JobError::Permanent(error)) if error.is_of_the_pictures() => {
                        let sheet = self.job.sheet.index;
                        tracing::warn!(sheet, at = slot, why = %error, "the tile is lost");
                        losses.add(slot, error);
                        if losses.are_a_hole() {
                            let most = run_from(&slots[n..], &needs[n..], interval, usize::MAX);
                            let count = Box::pin(self.hole(&slots[n..n + most])).await?;
                            hole_end = n + count;
                            losses.add_hole(&slots[n + 1..hole_end]);
                        }
                        losses.take(started.elapsed())?;
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            losses.in_a_row = 0;
            pictured.push(Pictured {
                at: f64::from(slot),
                exact: true,
                // A run has a picture for each of its tiles.
                picture: exact.next().unwrap_or_default(),
            });
        }
        let lost = losses.ended(pictured.is_empty())?;
        Ok((pictured, lost))
    }

    /// The pictures at second `first` and at the multiples behind it, `count` in all. If they cannot be made of one
    /// decode, only the first ones are made.
    pub(super) async fn exact(&self, first: u32, mut count: u32) -> Result<Files, JobError> {
        loop {
            match Box::pin(self.decoded(first, count)).await {
                Err(JobError::Permanent(error)) if count > 1 && error.is_of_the_pictures() => {
                    let sheet = self.job.sheet.index;
                    tracing::warn!(sheet, first, count, why = %error, "fewer exact tiles are made at once");
                    count = count_before(&error, first, count, self.job.sheet.interval);
                }
                files => return files,
            }
        }
    }

    /// The pictures, by one decode. An older picture may stand in for wrong ones, but as in a slice for a second at most.
    async fn decoded(&self, first: u32, count: u32) -> Result<Files, JobError> {
        let files = Box::pin(self.decoded_until(first, count, BEHIND_SECONDS)).await?;
        if !files.is_repaired {
            return Ok(files);
        }
        Box::pin(self.decoded_until(first, count, BEHIND_WRONG_SECONDS)).await
    }

    /// The pictures of a slice that goes on for `behind` seconds.
    async fn decoded_until(&self, first: u32, count: u32, behind: f64) -> Result<Files, JobError> {
        let interval = self.job.sheet.interval;
        let last = f64::from(first) + f64::from(count - 1) * f64::from(interval);
        let spec = self.job.slice(first, last + behind);
        let mut job = self.job.slice_job(spec);
        if let Some(index) = self.index().await? {
            let slices = [spec.slice];
            let excerpts = Box::pin(index.excerpts(&slices)).await;
            job.excerpt = match excerpts {
                Ok(mut excerpts) => excerpts.next().flatten(),
                Err(gifgen_index::IndexError::Read(error)) => return Err(error.into()),
                Err(_) => None,
            };
        }
        let directory = self.run_directory()?;
        let attempts = Attempts {
            renderer: self.renderer,
            job: &job,
            product: Product::Raw(self.job.raw(Choice::Each { interval, count })),
            blocks: &self.blocks,
            directory: directory.path(),
            deadline: self.deadline,
        };
        let (files, _) = Box::pin(excerpt_or_seek(attempts)).await?;
        Ok(files)
    }
}

/// How many of `count` tiles from second `first` on to try next, if `error` says that the pictures of all are not right:
/// those before the damage, or else half of them. At least one.
fn count_before(error: &PermanentError, first: u32, count: u32, interval: u32) -> u32 {
    let before = match error {
        PermanentError::Damaged { from, .. } => from - f64::from(first),
        _ => 0.0,
    };
    let most = (count - 1).max(1);
    if before > 0.0 {
        ((before / f64::from(interval)).ceil() as u32).clamp(1, most)
    } else {
        (count / 2).clamp(1, most)
    }
}

/// How many of the tiles at `slots`, at most `most`, are consecutive and need exact pictures (`needs`). At least one.
fn run_from(slots: &[u32], needs: &[bool], interval: u32, most: usize) -> usize {
    let first = slots.first().copied().unwrap_or_default();
    let in_run = |(n, (slot, needs)): &(usize, (&u32, &bool))| {
        **needs && u64::from(**slot) == u64::from(first) + *n as u64 * u64::from(interval)
    };
    let tiles = slots.iter().zip(needs).enumerate();
    tiles.take(most).take_while(in_run).count().max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_decode_makes_more_and_more_tiles_while_the_keyframe_is_far_back() {
        let run = Run::first(10);
        assert_eq!(run, Run(1));
        let far = run.next(12.0, 10).next(200.0, 10);
        assert_eq!(far, Run(4));
        assert_eq!(far.next(3.0, 10), Run(1));
        assert_eq!(Run::first(2).next(0.5, 2), Run(usize::MAX));
    }

    #[test]
    fn a_run_is_cut_where_the_film_is_damaged() {
        let damaged = |from| PermanentError::Damaged { from, to: 70.0 };
        assert_eq!(count_before(&damaged(40.5), 10, 20, 10), 4);
        assert_eq!(count_before(&damaged(40.0), 10, 20, 10), 3);
        assert_eq!(count_before(&damaged(10.5), 10, 20, 10), 1);
        // It is damaged at its start, or says that it is damaged all over.
        assert_eq!(count_before(&damaged(10.0), 10, 20, 10), 10);
        // It never stays as long.
        assert_eq!(count_before(&damaged(30.5), 10, 3, 10), 2);
        assert_eq!(count_before(&damaged(10.0), 10, 2, 10), 1);
    }

    proptest! {
        #[test]
        fn a_run_has_consecutive_tiles_that_all_need_exact_pictures(
            steps in prop::collection::vec((1u32..3, any::<bool>()), 1..60), interval in 1u32..20,
            most in 1usize..100)
        {
            let mut slot = 0;
            let slots: Vec<u32> = steps.iter().map(|(step, _)| { slot += step * interval; slot }).collect();
            let mut needs: Vec<bool> = steps.iter().map(|(_, needs)| *needs).collect();
            needs[0] = true;
            let length = run_from(&slots, &needs, interval, most);
            prop_assert!((1..=most.min(slots.len())).contains(&length));
            prop_assert!(needs[..length].iter().all(|needs| *needs));
            prop_assert!(slots[..length].windows(2).all(|pair| pair[1] - pair[0] == interval));
            let goes_on = length < most.min(slots.len())
                && needs[length] && slots[length] - slots[length - 1] == interval;
            prop_assert!(!goes_on);
        }
    }
}

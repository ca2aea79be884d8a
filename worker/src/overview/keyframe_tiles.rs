//! Tiles of keyframes that are fed to FFmpeg alone.

use std::pin::pin;

use gifgen_function::TransientError;
use gifgen_index::{
    FeedError, SheetPlan, SheetTile, feed_sheet, has_plans_without_index, pipe, plan_sheets,
};
use gifgen_probe::{Input, LoggedPicture};
use gifgen_shared::{overview::TILES_PER_SHEET, video_stream::FROM_BEGINNING};

use super::{
    logged_keyframes::{are_the_same, right_at},
    sheet_job::{FoundTile, Rendition},
};
use crate::{
    error::JobError,
    ffmpeg_args::Rendering,
    ffmpeg_run::{Ran, run_ffmpeg_listing},
    launch::Launch,
    product::{Choice, Product},
    repairs::Repairs,
};

/// A codec whose decoder calls no picture a keyframe in FFmpeg 8.
const CINEFORM: &str = "cfhd";

impl Rendition<'_> {
    /// The sheet's tiles, with the keyframes that prove right.
    pub(super) async fn keyframe_tiles(&self) -> Result<Vec<FoundTile>, JobError> {
        let video = &self.job.video;
        let hides = video.hidden_keyframes
            || video.margin() == FROM_BEGINNING
            || video.colour.alpha.decoder().is_some()
            || self.job.codec == CINEFORM;
        if hides {
            return Ok(self.job.all_exact());
        }
        let planned;
        let plan = match &self.job.plan {
            Some(plan) => Some(plan),
            None => {
                planned = self.plan().await?;
                planned.as_ref()
            }
        };
        match plan {
            Some(plan) => Box::pin(self.fed_tiles(plan)).await,
            None => Box::pin(self.sought_tiles()).await,
        }
    }

    /// The plan that the event did not bring.
    async fn plan(&self) -> Result<Option<SheetPlan>, JobError> {
        let job = self.job;
        let index = self.index().await?;
        if index.is_none() && !has_plans_without_index(&job.container) {
            return Ok(None);
        }
        let plans = plan_sheets(
            &self.blocks,
            &job.container,
            &job.video,
            index,
            job.length,
            std::slice::from_ref(&job.sheet),
        );
        match Box::pin(plans).await {
            Ok(plans) => Ok(plans.into_iter().next().flatten()),
            Err(gifgen_index::IndexError::Read(error)) => Err(error.into()),
            Err(error) => {
                tracing::info!(sheet = job.sheet.index, why = %error, "the sheet has no plan");
                Ok(None)
            }
        }
    }

    /// The tiles by `plan`.
    async fn fed_tiles(&self, plan: &SheetPlan) -> Result<Vec<FoundTile>, JobError> {
        let spec = self.job.slice(self.job.sheet.start, self.job.sheet.end);
        let (sender, stdin) = pipe().map_err(TransientError::Pipe)?;
        let directory = self.run_directory()?;
        let launch = Launch {
            rendering: Rendering {
                input: Input::Pipe {
                    demuxer: plan.demuxer().name(),
                },
                stream: plan.stream(),
                seek_margin: None,
                threads: Self::ONE_THREAD,
                codec: &self.job.codec,
                spec: &spec,
                product: Product::Raw(self.job.raw(Choice::All {
                    most: TILES_PER_SHEET as u32,
                })),
                repairs: &Repairs::default(),
            },
            stdin: Some(stdin),
            ffmpeg: &self.renderer.ffmpeg,
            directory: directory.path(),
            deadline: self.deadline,
        };
        let feeding = feed_sheet(plan, &self.job.reader, sender);
        if !plan.has_keyframes() {
            drop(launch);
            return Ok(match feeding.await {
                Ok(tiles) => self.found(tiles, |_| None),
                Err(error) => self.not_fed(error)?,
            });
        }
        let mut feeding = pin!(feeding);
        let mut running = pin!(run_ffmpeg_listing(launch));
        let mut fed = None;
        let result = loop {
            tokio::select! {
                // Polled first: if feeding fails, that is the cause of FFmpeg's failure.
                biased;
                done = &mut feeding, if fed.is_none() => fed = Some(done),
                result = &mut running => break result,
            }
        };
        let tiles = match fed {
            Some(fed) => fed,
            // FFmpeg has ended, so it ends at its next write.
            None => feeding.await,
        };
        let tiles = match tiles {
            Ok(tiles) => tiles,
            Err(error) => return self.not_fed(error),
        };
        let (ran, logged) = match result {
            Ok(ran) => ran,
            // What FFmpeg refuses may only be keyframes that are none.
            Err(JobError::Permanent(error)) => {
                self.log_doubt(&error.to_string());
                return Ok(self.found(tiles, |_| None));
            }
            Err(error) => return Err(error),
        };
        let mut pictures = self.proven(ran, &logged, spec.zero());
        Ok(self.found(tiles, |pts| {
            let picture = pictures.get_mut(right_at(&logged, pts)?)?;
            Some(std::mem::take(picture)).filter(|picture| !picture.is_empty())
        }))
    }

    /// The raw pictures, if they are those of the log.
    fn proven(&self, ran: Ran, logged: &[LoggedPicture], zero: f64) -> Vec<Vec<u8>> {
        let decoded = ran.decoded.0.iter().map(|time| time + zero);
        let decoded: Vec<f64> = decoded.collect();
        let doubt = match ran.outcome {
            Err(error) => error.to_string(),
            Ok(_) if ran.changes => "the shape of its pictures changes".into(),
            Ok(files) if files.raw.len() != decoded.len() => "pictures are missing".into(),
            Ok(_) if !are_the_same(logged, &decoded) => "its pictures have other times".into(),
            Ok(files) => return files.raw,
        };
        self.log_doubt(&doubt);
        Vec::new()
    }

    /// The tiles of the sheet among `tiles`. `picture` is that at a pts.
    fn found(
        &self,
        tiles: Vec<SheetTile>,
        mut picture: impl FnMut(f64) -> Option<Vec<u8>>,
    ) -> Vec<FoundTile> {
        let of_sheet = tiles.into_iter().filter(|tile| self.job.has(tile.slot));
        let found = of_sheet.map(|tile| {
            let picture = tile.pts.and_then(&mut picture);
            FoundTile {
                slot: tile.slot,
                keyframe: picture.map(|picture| (tile.at, picture)),
            }
        });
        found.collect()
    }

    /// What to do if feeding failed: only a source that cannot be read is an error.
    fn not_fed(&self, error: FeedError) -> Result<Vec<FoundTile>, JobError> {
        match error {
            FeedError::Read(error) => Err(error.into()),
            FeedError::Pipe(error) => Err(TransientError::Pipe(error).into()),
            error @ (FeedError::NoKeyframe | FeedError::NewClock { .. }) => {
                self.log_doubt(&error.to_string());
                Ok(self.job.all_exact())
            }
        }
    }

    /// Logs why keyframes are not used.
    pub(super) fn log_doubt(&self, why: &str) {
        let sheet = self.job.sheet.index;
        tracing::warn!(sheet, why, "the sheet's keyframes are not used");
    }
}

//! Renders one sheet.

use std::path::PathBuf;

use gifgen_function::TransientError;
use gifgen_ledger::LostTile;
use gifgen_shared::{Deadline, WorkDir, blocking::blocking, preview_settings::Overview as Kind};

use super::{
    sheet_file::{self, SheetFileError},
    sheet_job::{Rendition, SheetJob},
};
use crate::{
    error::{JobError, PermanentError},
    renderer::{Renderer, remove},
    tiles::Tiles,
};

/// A sheet that is rendered and checked.
#[derive(Debug)]
pub(crate) struct RenderedSheet {
    /// The sheet. `None` if it has no tile.
    pub jpg: Option<PathBuf>,
    /// Where its tiles are.
    pub layout: Tiles,
    /// The tiles, in the order of their times.
    pub tiles: Vec<RenderedTile>,
    /// The tiles that it lacks, because the source is damaged there, in order.
    pub lost: Vec<LostTile>,
    work_dir: WorkDir,
}

/// A tile of a sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RenderedTile {
    /// From when on its picture is on screen, in seconds of the film.
    pub at: f64,
    /// Whether it is the picture at `at` of a full decode. If not, it is the keyframe at `at`.
    pub exact: bool,
    /// Its position in the sheet, row by row. Neighbours that look the same have the same.
    pub place: u32,
}

impl RenderedSheet {
    /// Removes the files.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub(crate) fn remove(self) -> Result<(), TransientError> {
        remove(self.work_dir)
    }
}

impl Renderer {
    /// Renders a sheet until `deadline`.
    ///
    /// # Errors
    /// Permanent if the source is damaged at each tile, or cannot be decoded; transient if FFmpeg, the source or
    /// the disk fails.
    pub(crate) async fn render_sheet(
        &self,
        job: &SheetJob,
        deadline: Deadline,
    ) -> Result<RenderedSheet, JobError> {
        let work_dir =
            WorkDir::create(&self.temporary).map_err(|source| TransientError::WorkDir {
                action: "make",
                source,
            })?;
        match Box::pin(self.sheet_in(&work_dir, job, deadline)).await {
            Ok((jpg, layout, tiles, lost)) => Ok(RenderedSheet {
                jpg,
                layout,
                tiles,
                lost,
                work_dir,
            }),
            Err(error) => {
                remove(work_dir)?;
                Err(error)
            }
        }
    }

    async fn sheet_in(
        &self,
        work_dir: &WorkDir,
        job: &SheetJob,
        deadline: Deadline,
    ) -> Result<(Option<PathBuf>, Tiles, Vec<RenderedTile>, Vec<LostTile>), JobError> {
        let rendition = Rendition::new(self, job, work_dir.path(), deadline);
        let found = match job.settings.overview {
            Kind::Keyframes => Box::pin(rendition.keyframe_tiles()).await?,
            Kind::Exact => job.all_exact(),
            Kind::None => Vec::new(),
        };
        let (pictured, lost) = Box::pin(rendition.pictured(found)).await?;
        let times: Vec<(f64, bool)> = pictured.iter().map(|tile| (tile.at, tile.exact)).collect();
        let pictures: Vec<Vec<u8>> = pictured.into_iter().map(|tile| tile.picture).collect();
        let places = sheet_file::places(&pictures);
        let layout = job.tiles(places.last().map_or(0, |last| *last as usize + 1));
        let tiles = times
            .iter()
            .zip(&places)
            .map(|((at, exact), place)| RenderedTile {
                at: *at,
                exact: *exact,
                place: *place,
            });
        let tiles = tiles.collect();
        if pictures.is_empty() {
            return Ok((None, layout, tiles, lost));
        }
        let directory = work_dir.path().to_owned();
        let written =
            blocking(move || sheet_file::write(&pictures, &places, &layout, &directory)).await;
        match written {
            Ok(jpg) => Ok((Some(jpg), layout, tiles, lost)),
            Err(SheetFileError::Encode(jpeg_encoder::EncodingError::IoError(source))) => {
                let action = "write to";
                Err(TransientError::WorkDir { action, source }.into())
            }
            Err(error) => Err(PermanentError::WrongOutput {
                found: error.to_string(),
                said: String::new(),
            }
            .into()),
        }
    }
}

//! What a sheet is rendered from, and where.

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    sync::Arc,
};

use gifgen_function::TransientError;
use gifgen_index::{ContainerIndex, IndexError, SheetPlan};
use gifgen_reader::{BlockCache, Reader};
use gifgen_shared::{
    Deadline, PreviewSettings, Slice, Timeline, VideoStream, overview::Sheet,
    preview_settings::Decode,
};
use tokio::sync::OnceCell;

use crate::{
    error::JobError,
    job::{SliceJob, SliceSpec},
    product::{Choice, RawPictures},
    renderer::Renderer,
    tiles::Tiles,
};

/// One sheet, and what to render it from.
#[derive(Clone, Debug)]
pub(crate) struct SheetJob {
    /// Reads the source in one version.
    pub reader: Arc<Reader>,
    /// FFmpeg's name of the source's container.
    pub container: String,
    /// FFmpeg's name of the video's codec.
    pub codec: String,
    /// Where the keyframes are, if the event says so.
    pub plan: Option<SheetPlan>,
    /// How the film's times follow from the source, if FFmpeg would find others.
    pub timeline: Option<Timeline>,
    /// The video stream in the source.
    pub video: VideoStream,
    /// Kind and size of the tiles.
    pub settings: PreviewSettings,
    /// Length of the film, in seconds.
    pub length: f64,
    /// The sheet.
    pub sheet: Sheet,
}

/// A tile of a sheet, before its picture is known to be right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FoundTile {
    /// The multiple of the interval for which it is there, in seconds.
    pub slot: u32,
    /// From when on its picture is on screen, and the picture: planes of green, blue and red. `None` needs the exact
    /// picture at `slot`.
    pub keyframe: Option<(f64, Vec<u8>)>,
}

/// All that the runs for one sheet share.
pub(super) struct Rendition<'a> {
    pub renderer: &'a Renderer,
    pub job: &'a SheetJob,
    pub blocks: Arc<BlockCache>,
    /// The parent of FFmpeg's directories.
    pub directory: &'a Path,
    pub deadline: Deadline,
    index: OnceCell<Option<ContainerIndex>>,
}

impl SheetJob {
    /// The slice from second `start` to `end`, at most up to the film's end.
    pub(super) fn slice(&self, start: u32, end: f64) -> SliceSpec {
        SliceSpec {
            slice: Slice {
                index: self.sheet.index,
                start,
                end: end.min(self.length).max(f64::from(start)),
            },
            video: self.video,
            // A tile never shows an earlier picture than it should.
            settings: PreviewSettings {
                decode: Decode::Exact,
                ..self.settings
            },
        }
    }

    /// The same source for a slice.
    pub(crate) fn slice_job(&self, slice: SliceSpec) -> SliceJob {
        SliceJob {
            reader: Arc::clone(&self.reader),
            container: self.container.clone(),
            codec: self.codec.clone(),
            excerpt: None,
            timeline: self.timeline.clone(),
            slice,
        }
    }

    /// The layout of so many tiles.
    pub(super) fn tiles(&self, count: usize) -> Tiles {
        Tiles::of_overview(count as u32, &self.video, self.settings.overview_width)
    }

    /// Raw pictures in the size of tiles.
    pub(super) fn raw(&self, choice: Choice) -> RawPictures {
        let tiles = self.tiles(1);
        RawPictures {
            size: (tiles.width, tiles.height),
            choice,
        }
    }

    /// All its multiples of the interval as exact tiles.
    pub(super) fn all_exact(&self) -> Vec<FoundTile> {
        let exact = |slot| FoundTile {
            slot,
            keyframe: None,
        };
        self.sheet.times().map(exact).collect()
    }

    /// Whether it has this multiple of the interval.
    pub(super) fn has(&self, slot: u32) -> bool {
        self.sheet.times().any(|time| time == slot)
    }
}

impl<'a> Rendition<'a> {
    pub(super) fn new(
        renderer: &'a Renderer,
        job: &'a SheetJob,
        directory: &'a Path,
        deadline: Deadline,
    ) -> Self {
        Self {
            renderer,
            job,
            blocks: BlockCache::new(Arc::clone(&job.reader)),
            directory,
            deadline,
            index: OnceCell::new(),
        }
    }

    /// Decoding in one thread tells to which picture a mark belongs.
    pub(super) const ONE_THREAD: NonZero<u32> = NonZero::<u32>::MIN;

    /// The source's index, if it can have one. It is read once.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(super) async fn index(&self) -> Result<Option<&ContainerIndex>, JobError> {
        let read = self.index.get_or_try_init(async || {
            let blocks = Arc::clone(&self.blocks);
            let (container, video) = (&self.job.container, self.job.video);
            let index = Box::pin(ContainerIndex::read(blocks, container, video)).await;
            match index {
                Ok(index) => Ok(Some(match &self.job.timeline {
                    Some(timeline) => index.with_timeline(timeline),
                    None => index,
                })),
                Err(IndexError::Read(error)) => Err(JobError::from(error)),
                Err(error) => {
                    let sheet = self.job.sheet.index;
                    tracing::info!(sheet, why = %error, "the sheet has no index");
                    Ok(None)
                }
            }
        });
        Ok(read.await?.as_ref())
    }

    /// An empty directory for one run of FFmpeg.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn run_directory(&self) -> Result<RunDirectory, TransientError> {
        RunDirectory::create(self.directory.join("run"))
    }
}

/// A directory that is removed when it is dropped.
pub(super) struct RunDirectory(PathBuf);

impl RunDirectory {
    fn create(path: PathBuf) -> Result<Self, TransientError> {
        let created = std::fs::create_dir(&path);
        created.map_err(|source| TransientError::WorkDir {
            action: "make a folder in",
            source,
        })?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        // What remains is removed with the directory around it.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

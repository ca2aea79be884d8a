//! From a source to the excerpts of its slices.

use std::sync::Arc;

use gifgen_reader::{
    block_cache::BlockCache,
    reader::{ReadError, Reader},
};
use gifgen_shared::{header::MISSING_SECONDS, slice::Slice, video_stream::VideoStream};

use crate::{excerpt::Excerpt, matroska, mp4, mpegts};

/// Why a source has no index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is of a kind, or has something in it, for which none can be made. Its slices are read
    /// without one.
    #[error("there is no index: {0}")]
    None(String),
}

/// What a source says of where the pictures of its video are.
#[derive(Debug)]
pub struct ContainerIndex {
    blocks: Arc<BlockCache>,
    video: VideoStream,
    film: Mp4Index,
}

/// What was read for it.
#[derive(Debug)]
enum Mp4Index {
    Mov(Box<mp4::Mp4Index>),
    Matroska(matroska::Head),
    MpegTs(mpegts::Stream),
}

impl ContainerIndex {
    /// Reads that of the stream `video` of a source whose container is `container`, as FFmpeg names it.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn read(
        blocks: Arc<BlockCache>,
        container: &str,
        video: VideoStream,
    ) -> Result<Self, IndexError> {
        // Boxed, or else the compiler gives up on the size of what awaits this.
        let film = match container {
            "matroska,webm" => {
                Mp4Index::Matroska(Box::pin(matroska::Head::read(&blocks, video.index)).await?)
            }
            "mpegts" => {
                Mp4Index::MpegTs(Box::pin(mpegts::Stream::read(&blocks, video.index)).await?)
            }
            _ if container.split(',').any(|name| name == "mov") => Mp4Index::Mov(Box::new(
                Box::pin(mp4::Mp4Index::read(&blocks, &video)).await?,
            )),
            _ => return Err(IndexError::None(format!("of {container} none is made"))),
        };
        Ok(Self {
            blocks,
            video,
            film,
        })
    }

    /// What reads the source.
    pub fn reader(&self) -> &Arc<Reader> {
        self.blocks.reader()
    }

    /// The length of the video in seconds, from its first picture to the end of its last, if the index
    /// or the end of the file tell. A file without tables that does not end about where it `claimed` to,
    /// in seconds, may be truncated, which is for ffprobe to say.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub async fn length(&self, claimed: Option<f64>) -> Result<Option<f64>, ReadError> {
        let (blocks, video) = (&self.blocks, &self.video);
        let told = match &self.film {
            Mp4Index::Mov(film) => return Ok(film.length()),
            Mp4Index::Matroska(head) => Box::pin(matroska::length(blocks, head, video)).await?,
            Mp4Index::MpegTs(stream) => Box::pin(mpegts::length(blocks, stream, video)).await?,
        };
        let is_near =
            |told: &f64| claimed.is_none_or(|claimed| (told - claimed).abs() <= MISSING_SECONDS);
        Ok(told.filter(is_near))
    }

    /// The excerpts of `slices`, which are all of the video. `None` stands for a slice that cannot be
    /// cut out.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn excerpts(&self, slices: &[Slice]) -> Result<Vec<Option<Excerpt>>, IndexError> {
        let (blocks, video) = (&self.blocks, &self.video);
        match &self.film {
            Mp4Index::Mov(film) => Ok(film.excerpts(slices)),
            Mp4Index::Matroska(head) => {
                Box::pin(matroska::excerpts(blocks, head, video, slices)).await
            }
            Mp4Index::MpegTs(stream) => {
                Box::pin(mpegts::excerpts(blocks, stream, video, slices)).await
            }
        }
    }
}

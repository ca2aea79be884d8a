//! From a source to the excerpts of its slices.

use gifgen_reader::{blocks::Blocks, reader::ReadError};
use gifgen_shared::{probe::MISSING_SECONDS, slice::Slice, video_stream::VideoStream};

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

/// What a source says of where its pictures are.
#[derive(Debug)]
pub struct Index(Container);

#[derive(Debug)]
enum Container {
    Mov(mp4::Index),
    Matroska,
    MpegTs,
}

impl Index {
    /// Reads that of a source whose container is `container`, as FFmpeg names it.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn read(blocks: &Blocks, container: &str) -> Result<Self, IndexError> {
        let container = match container {
            "matroska,webm" => Container::Matroska,
            "mpegts" => Container::MpegTs,
            _ if container.split(',').any(|name| name == "mov") => {
                Container::Mov(Box::pin(mp4::Index::read(blocks)).await?)
            }
            _ => return Err(IndexError::None(format!("of {container} none is made"))),
        };
        Ok(Self(container))
    }

    /// The length of the stream `video` in seconds, from its first picture to the end of its last, if
    /// the index or the end of the file tell. A file without tables that ends before the `claimed` seconds
    /// may be truncated, which is for ffprobe to say.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn length(
        &self,
        blocks: &Blocks,
        video: &VideoStream,
        claimed: Option<f64>,
    ) -> Result<Option<f64>, IndexError> {
        let told = match &self.0 {
            Container::Mov(index) => return Ok(index.length(video).ok()),
            Container::Matroska => Box::pin(matroska::length::length(blocks, video)).await?,
            Container::MpegTs => Box::pin(mpegts::length::length(blocks, video)).await?,
        };
        let claimed = claimed.unwrap_or_default();
        Ok(told.filter(|told| told + MISSING_SECONDS >= claimed))
    }

    /// The excerpts of `slices`, all of a source, whose stream `video` is rendered. `None` stands for
    /// a slice that cannot be cut out.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn excerpts(
        &self,
        blocks: &Blocks,
        video: &VideoStream,
        slices: &[Slice],
    ) -> Result<Vec<Option<Excerpt>>, IndexError> {
        // Boxed, or else the compiler gives up on the size of what awaits this.
        match &self.0 {
            Container::Mov(index) => index.excerpts(video, slices),
            Container::Matroska => Box::pin(matroska::excerpts(blocks, video, slices)).await,
            Container::MpegTs => Box::pin(mpegts::excerpts(blocks, video, slices)).await,
        }
    }
}

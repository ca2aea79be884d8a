//! From a source to the excerpts of its slices.

use gifgen_reader::{blocks::Blocks, reader::ReadError};
use gifgen_shared::{slice::Slice, video_stream::VideoStream};

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

/// The excerpts of `slices` of a source whose container is `container`, as FFmpeg names it, and whose
/// stream `video` is rendered. `None` stands for a slice that cannot be cut out.
///
/// # Errors
/// If the source cannot be read, or no index can be made.
pub async fn excerpts(
    blocks: &Blocks,
    container: &str,
    video: &VideoStream,
    slices: &[Slice],
) -> Result<Vec<Option<Excerpt>>, IndexError> {
    // Boxed, or else the compiler gives up on the size of what awaits this.
    match container {
        "matroska,webm" => Box::pin(matroska::excerpts(blocks, video, slices)).await,
        "mpegts" => Box::pin(mpegts::excerpts(blocks, video, slices)).await,
        _ if container.split(',').any(|name| name == "mov") => {
            Box::pin(mp4::excerpts(blocks, video, slices)).await
        }
        _ => Err(IndexError::None(format!("of {container} none is made"))),
    }
}

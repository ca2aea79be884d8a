//! Matroska and WebM.
pub mod keyframe {
    //! x
    /// x
    pub fn last(_: &[u8], _: u64, _: i64) -> Option<(usize, Vec<u8>)> {
        None
    }
}
use crate::{excerpt::Excerpt, index::IndexError};
use gifgen_reader::blocks::Blocks;
use gifgen_shared::{slice::Slice, video_stream::VideoStream};
/// x
pub async fn excerpts(
    _: &Blocks,
    _: &VideoStream,
    _: &[Slice],
) -> Result<Vec<Option<Excerpt>>, IndexError> {
    Err(IndexError::None("".into()))
}

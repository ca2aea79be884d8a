//! The length of the video of a transport stream.

use gifgen_reader::{BlockCache, ReadError};
use gifgen_shared::VideoStream;

use crate::{
    mpegts::{packet::WRAP_PTS, stream::Stream},
    search,
};

/// How much of the end is read at first, in bytes. ffprobe has read it already.
const FIRST_BYTES: u64 = 192 * 1024;

/// The length of the stream `video` in seconds, by the pictures near its end. `None` if they do not tell.
///
/// # Errors
/// If the source cannot be read.
pub(crate) async fn length(
    blocks: &BlockCache,
    stream: &Stream,
    video: &VideoStream,
) -> Result<Option<f64>, ReadError> {
    // Each of two fields may be a picture of its own.
    if video.interlaced {
        return Ok(None);
    }
    let pts_in = |offset, bytes: &[u8]| {
        let pictures = stream.pictures(bytes, offset);
        let pts: Vec<i64> = pictures.iter().map(|point| point.pts).collect();
        // Where not every picture has a pts, the last one may have none.
        let is_timed = pictures.len() == stream.starts(bytes).count();
        (is_timed && pts.iter().all(|pts| *pts < WRAP_PTS)).then_some(pts)
    };
    let (clock, layout) = (stream.clock(video), stream.layout);
    let range = layout.first..blocks.reader().len();
    search::length(blocks, &clock, range, layout.size, FIRST_BYTES, pts_in).await
}

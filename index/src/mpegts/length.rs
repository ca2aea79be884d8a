//! The length of the video of a transport stream.

use gifgen_reader::blocks::Blocks;
use gifgen_shared::video_stream::VideoStream;

use crate::{
    ending::end,
    index::IndexError,
    mpegts::excerpts::{CLOCK, TURNS, head, pictures, stream},
};

/// How much of the end is looked at, in bytes: two thirds of a second of 40 Mbit/s.
const END: u64 = 1024 * 1024;

/// The length of the stream `video` in seconds, by the pictures near its end; `None` if they do not
/// tell.
///
/// # Errors
/// If the source cannot be read, or no index can be made.
pub async fn length(blocks: &Blocks, video: &VideoStream) -> Result<Option<f64>, IndexError> {
    let (layout, programs) = head(blocks).await?;
    let Some((pid, _)) = stream(&programs, video.index).filter(|_| !video.interlaced) else {
        return Ok(None);
    };
    let length = blocks.reader().len();
    let from = layout.align(length.saturating_sub(END));
    let bytes = blocks.read(from..length).await?;
    let times = pictures(&bytes, from, layout, pid);
    let times: Vec<i64> = times.iter().map(|point| point.shown).collect();
    if times.iter().any(|time| *time >= TURNS) {
        return Ok(None);
    }
    let seconds = end(times).map(|end| end as f64 / CLOCK - video.start_time);
    Ok(seconds.filter(|seconds| *seconds > 0.0))
}

//! The length of the video of a transport stream.

use gifgen_reader::{blocks::Blocks, reader::ReadError};
use gifgen_shared::video_stream::VideoStream;

use crate::{
    ending::end,
    mpegts::{
        excerpts::{CLOCK, TURNS},
        stream::Stream,
    },
};

/// How much of the end is looked at, in bytes: two thirds of a second of 40 Mbit/s.
const END: u64 = 1024 * 1024;

/// The length of the stream `video` in seconds, by the pictures near its end; `None` if they do not
/// tell.
///
/// # Errors
/// If the source cannot be read.
pub async fn length(
    blocks: &Blocks,
    stream: &Stream,
    video: &VideoStream,
) -> Result<Option<f64>, ReadError> {
    // Each of two fields may be a picture of its own.
    if video.interlaced {
        return Ok(None);
    }
    let length = blocks.reader().len();
    let from = stream.layout.align(length.saturating_sub(END));
    let bytes = blocks.read(from..length).await?;
    let times = stream
        .pictures(&bytes, from)
        .iter()
        .map(|point| point.shown)
        .collect::<Vec<_>>();
    if times.iter().any(|time| *time >= TURNS) {
        return Ok(None);
    }
    let seconds = end(times).map(|end| end as f64 / CLOCK - video.start_time);
    Ok(seconds.filter(|seconds| *seconds > 0.0))
}

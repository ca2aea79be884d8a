//! The length of the video of a transport stream.

use gifgen_reader::{block_cache::BlockCache, reader::ReadError};
use gifgen_shared::video_stream::VideoStream;

use crate::{
    last_duration::{LAST, end},
    mpegts::{
        excerpts::{CLOCK, TURNS},
        stream::Stream,
    },
};

/// How much of the end is looked at first, and at most, in bytes. ffprobe has read the first already.
const FIRST: u64 = 192 * 1024;
const MOST: u64 = 16 * 1024 * 1024;

/// The length of the stream `video` in seconds, by the pictures near its end; `None` if they do not
/// tell.
///
/// # Errors
/// If the source cannot be read.
pub async fn length(
    blocks: &BlockCache,
    stream: &Stream,
    video: &VideoStream,
) -> Result<Option<f64>, ReadError> {
    // Each of two fields may be a picture of its own.
    if video.interlaced {
        return Ok(None);
    }
    let (length, first) = (blocks.reader().len(), stream.layout.first);
    let mut look = FIRST;
    loop {
        let from = stream.layout.align(length.saturating_sub(look));
        let bytes = blocks.read(from..length).await?;
        let pictures = stream.pictures(&bytes, from);
        let times: Vec<i64> = pictures.iter().map(|point| point.shown).collect();
        // Where not every picture has a time, the last one may have none.
        let is_timed = pictures.len() == stream.starts(&bytes).count();
        if !is_timed || times.iter().any(|time| *time >= TURNS) {
            return Ok(None);
        }
        if times.len() >= LAST || from == first || look >= MOST {
            let seconds = end(times, CLOCK as i64).map(|end| end as f64 / CLOCK - video.start_time);
            return Ok(seconds.filter(|seconds| *seconds > 0.0));
        }
        look *= 2;
    }
}

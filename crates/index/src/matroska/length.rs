//! The length of the video of a Matroska file.

use gifgen_reader::{block_cache::BlockCache, reader::ReadError};
use gifgen_shared::video_stream::VideoStream;

use crate::{
    last_duration::{LAST, end},
    matroska::{head::Head, scan::scan},
};

/// How much of the end is looked at first, and at most, in bytes. A cluster has up to 5 MB as a rule,
/// and it is only known when its blocks are shown if its start is seen.
const FIRST: u64 = 512 * 1024;
const MOST: u64 = 16 * 1024 * 1024;

/// The length of the stream `video` in seconds, by the blocks near its end; `None` if they do not
/// tell.
///
/// # Errors
/// If the source cannot be read.
pub async fn length(
    blocks: &BlockCache,
    head: &Head,
    video: &VideoStream,
) -> Result<Option<f64>, ReadError> {
    let mut look = FIRST;
    loop {
        let from = head
            .clusters
            .end
            .saturating_sub(look)
            .max(head.clusters.start);
        let bytes = blocks.read(from..head.clusters.end).await?;
        let seen = scan(&bytes, None, head.track.number);
        if seen.len() >= LAST || from == head.clusters.start || look >= MOST {
            let second = (1_000_000_000 / head.scale) as i64;
            let end = end(seen.iter().map(|seen| seen.time).collect(), second);
            let seconds = end.map(|end| end as f64 * head.scale as f64 / 1e9 - video.start_time);
            return Ok(seconds.filter(|seconds| *seconds > 0.0));
        }
        look *= 2;
    }
}

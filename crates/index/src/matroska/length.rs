//! The length of the video of a Matroska file.

use gifgen_reader::{BlockCache, ReadError};
use gifgen_shared::VideoStream;

use crate::{
    matroska::{head::Head, scan::scan},
    search,
};

/// How much of the end is read at first, in bytes. A cluster has up to 5 MB as a rule, and the timestamps of its
/// blocks are only known if its start is read.
const FIRST_BYTES: u64 = 512 * 1024;

/// The length of the stream `video` in seconds, by the blocks near its end. `None` if they do not tell.
///
/// # Errors
/// If the source cannot be read.
pub(crate) async fn length(
    blocks: &BlockCache,
    head: &Head,
    video: &VideoStream,
) -> Result<Option<f64>, ReadError> {
    let pts_in = |_, bytes: &[u8]| {
        let found = scan(bytes, None, head.track.number);
        Some(found.iter().map(|block| block.pts).collect())
    };
    let (clock, range) = (head.clock(video), head.clusters.clone());
    search::length(blocks, &clock, range, 1, FIRST_BYTES, pts_in).await
}

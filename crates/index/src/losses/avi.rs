//! Pictures that the index of an AVI names, and that are not where it says.

use std::ops::Range;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::{BlockCache, ReadError};

use crate::avi::{AviFile, Entry};

/// Most pictures that are looked for: 900 s at 240 a second.
const MAX_PICTURES: usize = 250_000;

/// How many headers are read at once.
const CONCURRENT_READS: usize = 16;

/// The first range in `seconds` of the video, the stream `index`, in which a picture that the index of the
/// file names is not there. `None` if nothing is lost, or if the file has no index that can be trusted. FFmpeg seeks
/// `margin` seconds further back.
///
/// # Errors
/// If the source cannot be read.
pub async fn avi_loss(
    blocks: &BlockCache,
    index: u32,
    seconds: Range<f64>,
    margin: u32,
) -> Result<Option<Range<f64>>, ReadError> {
    let Some(file) = AviFile::read(blocks, index).await? else {
        return Ok(None);
    };
    let Some(pictures) = file.pictures(blocks).await? else {
        return Ok(None);
    };
    let from = ((seconds.start - f64::from(margin)) / file.picture_seconds) as usize;
    let to = (seconds.end / file.picture_seconds).ceil() as usize;
    let to = to.min(pictures.len());
    let Some(before) = pictures.get(..=from) else {
        return Ok(None);
    };
    let keyframe = before.iter().rposition(|entry| entry.is_keyframe);
    let from = keyframe.unwrap_or(0).max(to.saturating_sub(MAX_PICTURES));
    let Some(wanted) = pictures.get(from..to) else {
        return Ok(None);
    };
    let is_found = async |entry: &Entry| {
        let header = blocks.read(entry.offset..entry.offset + 8).await?;
        Ok::<_, ReadError>(entry.bytes == 0 || entry.is_at(&header))
    };
    // Most are in the cache, since FFmpeg has read them.
    let found = stream::iter(wanted).map(is_found);
    let found: Vec<bool> = found.buffered(CONCURRENT_READS).try_collect().await?;
    // An index whose offsets are all wrong says nothing.
    if found.iter().filter(|found| **found).count() * 2 < found.len()
        && !is_there(&pictures, blocks).await?
    {
        return Ok(None);
    }
    let time = |n: usize| (from + n) as f64 * file.picture_seconds;
    let Some(first) = found.iter().position(|found| !found) else {
        return Ok(None);
    };
    let rest = found[first..].iter().position(|found| *found);
    let end = rest.map_or(to, |rest| from + first + rest) as f64 * file.picture_seconds;
    // What is lost before the slice displaces all that follows.
    let end = if end > seconds.start {
        end.min(seconds.end)
    } else {
        seconds.end
    };
    Ok(Some(time(first).max(seconds.start)..end))
}

/// Whether the first pictures of the file are where the index says.
async fn is_there(pictures: &[Entry], blocks: &BlockCache) -> Result<bool, ReadError> {
    for entry in pictures.iter().filter(|entry| entry.bytes > 0).take(2) {
        let header = blocks.read(entry.offset..entry.offset + 8).await?;
        if !entry.is_at(&header) {
            return Ok(false);
        }
    }
    Ok(true)
}

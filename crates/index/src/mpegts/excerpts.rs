//! The excerpts of a transport stream.

use gifgen_reader::{BlockCache, ReadError};
use gifgen_shared::{Slice, VideoStream};

use crate::{
    error::IndexError,
    excerpt::{Demuxer, Excerpt, Start},
    keyframe_query::KeyframeQuery,
    keyframe_search::farthest,
    mpegts::{packet::WRAP_PTS, stream::Stream},
    search::{Keyframe, Point, SearchedVideo, TimestampMap},
};

/// How much of the start and of the end is read, in bytes. It has been read already, for the tables and for the
/// length.
const EDGE_BYTES: u64 = 64 * 1024;

/// How much of the end is read for a picture if that has none, in bytes.
pub(super) const FURTHER_BYTES: [u64; 2] = [2 * 1024 * 1024, 16 * 1024 * 1024];

/// The excerpts of `slices` of the file with this `stream`; see [`crate::ContainerIndex::excerpts`].
///
/// # Errors
/// If the source cannot be read, or no index can be made.
pub(crate) async fn excerpts(
    blocks: &BlockCache,
    stream: &Stream,
    video: &VideoStream,
    slices: &[Slice],
) -> Result<Vec<Option<Excerpt>>, IndexError> {
    let layout = stream.layout;
    let searched = searched(blocks, stream, video, slices).await?;
    let query = |latest_pts| KeyframeQuery::Picture {
        pid: stream.pid,
        codec: stream.codec,
        packet: layout.size,
        latest_pts,
    };
    // Near the start of the file, that is as good as a keyframe.
    let keyframe = |start: Option<u64>| {
        let distance = start.map_or(0, |start| start.saturating_sub(layout.first));
        (distance <= searched.near_bytes()).then(|| Keyframe::at(layout.first))
    };
    let excerpts = slices.iter().map(|slice| {
        let mut excerpt = searched.excerpt(slice, keyframe, query)?;
        // A keyframe that is searched may be in the piece before.
        let start = match excerpt.start {
            Start::Exact => excerpt.ranges.first()?.start,
            Start::KeyframeBefore { step, .. } => farthest(&excerpt, step),
        };
        let end = excerpt.ranges.last()?.end;
        excerpt.packets = Some(stream.packets(start..end));
        Some(excerpt)
    });
    Ok(excerpts.collect())
}

/// The pictures near the end. Empty if there are none.
async fn last_pictures(blocks: &BlockCache, stream: &Stream) -> Result<Vec<Point>, ReadError> {
    let length = blocks.reader().len();
    let mut found = Vec::new();
    for bytes in [EDGE_BYTES].into_iter().chain(FURTHER_BYTES) {
        let start = stream.layout.align(length.saturating_sub(bytes));
        found = stream.pictures(&blocks.read(start..length).await?, start);
        if !found.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// The stream with the byte offsets of the bounds of `slices`, which are all of the video.
///
/// # Errors
/// If the source cannot be read, or its times cannot be searched.
pub(crate) async fn searched<'a>(
    blocks: &'a BlockCache,
    stream: &Stream,
    video: &VideoStream,
    slices: &[Slice],
) -> Result<SearchedVideo<'a>, IndexError> {
    let length = blocks.reader().len();
    let (layout, clock) = (stream.layout, stream.clock(video));

    let mut map = TimestampMap::new(0);
    let head = layout.first..layout.first + EDGE_BYTES;
    let first_pictures = stream.pictures(&blocks.read(head).await?, layout.first);
    let last_pictures = last_pictures(blocks, stream).await?;
    let has_end = !last_pictures.is_empty();
    for found in [first_pictures, last_pictures] {
        if found.iter().any(|point| point.pts >= WRAP_PTS) {
            return Err(IndexError::none("its times may turn over"));
        }
        map.add(found)?;
    }

    map.add(stream.points.iter().copied())?;

    let mut bounds = clock.bounds(slices);
    // What ends behind the last picture takes all there is.
    if let Some(latest_pts) = map.latest_pts().filter(|_| has_end) {
        bounds.retain(|bound| *bound <= latest_pts);
    }
    let seconds = slices.iter().map(|slice| slice.end).fold(1.0, f64::max);
    let mut searched = SearchedVideo {
        reader: blocks.reader(),
        clock,
        range: layout.first..length,
        byte_rate: length as f64 / seconds,
        packet: layout.size,
        reorder_delay: 0,
        end_pts: i64::MAX,
        map,
        demuxer: Demuxer::MpegTs,
        stream: video.index,
        header: stream.tables.clone(),
        // Behind an excerpt all pictures are decoded after its end, and so shown after it.
        spare: None,
    };
    let find = |offset, bytes: &[u8]| stream.pictures(bytes, offset);
    searched.search(&bounds, seconds, find).await?;

    Ok(searched)
}

//! The excerpts of a transport stream.

use std::ops::Range;

use gifgen_reader::block_cache::BlockCache;
use gifgen_shared::{slice::Slice, video_stream::VideoStream};

use crate::{
    container_index::IndexError,
    excerpt::{Demuxer, Excerpt, Start},
    keyframe::{FAR_SECONDS, KeyframeQuery, step},
    mpegts::stream::Stream,
    search::{self, Point, SearchParams, TimestampMap},
};

/// How much of the start and of the end is looked at, in bytes. It has been read for the tables and
/// for the length.
const EDGE: u64 = 64 * 1024;

/// Times of a second.
pub(super) const CLOCK: f64 = 90_000.0;

/// From here on, libavformat moves times by a whole turn of their 33 bits.
pub(super) const TURNS: i64 = (1 << 33) / 8 * 7;

/// Times are compared to a millisecond.
const MILLISECOND: i64 = 90;

/// What a look reads, in seconds: a picture of a film. Another piece is read if none starts in it.
const LOOK_SECONDS: f64 = 0.06;

/// How much later than its time a place may be, in seconds. Half of it is read in vain, on the
/// average; another look costs as much.
const SOON_SECONDS: f64 = 0.8;

/// The excerpts of `slices` of a file with this `stream`, as [`crate::container_index::ContainerIndex::excerpts`] has it.
///
/// # Errors
/// If the source cannot be read, or no index can be made.
pub async fn excerpts(
    blocks: &BlockCache,
    stream: &Stream,
    video: &VideoStream,
    slices: &[Slice],
) -> Result<Vec<Option<Excerpt>>, IndexError> {
    let none = |why: &str| IndexError::None(why.to_owned());
    let length = blocks.reader().len();
    let layout = stream.layout;

    let mut points = TimestampMap::new(0);
    let tail = layout.align(length.saturating_sub(EDGE));
    for range in [layout.first..layout.first + EDGE, tail..length] {
        let bytes = blocks.read(range.clone()).await?;
        let found = stream.pictures(&bytes, range.start);
        if found.iter().any(|point| point.shown >= TURNS) {
            return Err(none("its times may turn over"));
        }
        points
            .add(found)
            .map_err(|_| none("its times run backwards"))?;
    }

    let tick = |seconds: f64| ((video.start_time + seconds) * CLOCK).round() as i64;
    let wanted = |slice: &Slice| {
        let (start, end) = (tick(f64::from(slice.start)), tick(slice.end));
        start.saturating_add(MILLISECOND)..end.saturating_add(MILLISECOND)
    };
    let seconds = slices.iter().map(|slice| slice.end).fold(1.0, f64::max);
    let rate = length as f64 / seconds;
    // Whole packets, since a look starts where the last one ended.
    let look = ((rate * LOOK_SECONDS) as u64).clamp(4 * 1024, 256 * 1024);
    let params = SearchParams {
        probe_bytes: look - look % layout.size.max(1),
        soon: (CLOCK * SOON_SECONDS) as i64,
        near: ((rate * SOON_SECONDS) as u64).max(16 * 1024),
    };
    let mut times: Vec<i64> = slices
        .iter()
        .flat_map(|slice| {
            let wanted = wanted(slice);
            let start = (slice.start > 0).then_some(wanted.start);
            [start, Some(wanted.end)]
        })
        .flatten()
        .collect();
    times.sort_unstable();
    times.dedup();
    // What ends behind the last picture takes all there is.
    let latest = points.known().iter().map(|point| point.shown).max();
    times.retain(|time| latest.is_none_or(|latest| *time <= latest));
    let end = |at, seconds| Point {
        at,
        shown: tick(seconds),
        sure: tick(seconds),
    };
    let ends = (end(layout.first, 0.0), end(length, seconds));
    search::search(&mut points, &times, ends, params, |within| {
        let within = layout.align(within.start)..within.end;
        let find = |at, bytes: &[u8]| stream.pictures(bytes, at);
        search::probe(blocks.reader(), within, params.probe_bytes, find)
    })
    .await?;

    let far = (FAR_SECONDS * CLOCK) as i64;
    let cut = |slice: &Slice| {
        let wanted = wanted(slice);
        let (range, start) = range(&points, wanted.clone(), layout.first..length, params)?;
        let start = if start {
            Start::Exact
        } else {
            Start::KeyframeBefore {
                landmark: KeyframeQuery::Picture {
                    pid: stream.pid,
                    codec: stream.codec,
                    packet: layout.size,
                    shown: wanted.start,
                },
                first: layout.first,
                step: step(
                    points
                        .rate_before(wanted.start, far)
                        .unwrap_or(rate / CLOCK)
                        * far as f64,
                ),
            }
        };
        Some(Excerpt {
            demuxer: Demuxer::MpegTs,
            stream: video.index,
            header: stream.tables.clone(),
            start,
            ranges: vec![range],
            // From there on, all pictures are decoded after the end, and so shown after it.
            until: 0,
        })
    };
    Ok(slices.iter().map(cut).collect())
}

/// The bytes for the times in `wanted`, and whether decoding can start with the first of them.
fn range(
    points: &TimestampMap,
    wanted: Range<i64>,
    all: Range<u64>,
    params: SearchParams,
) -> Option<(Range<u64>, bool)> {
    let end = points.after(wanted.end).map_or(all.end, |point| point.at);
    // The picture that is shown first may be the keyframe: what is looked through has to hold it.
    let start = points.after(wanted.start).map(|point| point.at);
    let start = start.filter(|start| *start < end);
    let start = start.or_else(|| Some(points.before(wanted.start)?.at));
    let start = start.unwrap_or(all.start);
    if start.saturating_sub(all.start) <= params.near {
        return (all.start < end).then_some((all.start..end, true));
    }
    (start < end).then_some((start..end, false))
}

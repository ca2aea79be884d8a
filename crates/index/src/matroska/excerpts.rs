//! The excerpts of a Matroska file.

use std::{collections::BTreeSet, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::{BlockCache, ReadError, Reader};
use gifgen_shared::{Slice, VideoStream};

use crate::{
    error::IndexError,
    excerpt::{Demuxer, Excerpt},
    keyframe_query::KeyframeQuery,
    keyframe_search::MAX_DISTANCE_SECONDS,
    matroska::{
        clusters::{self, Cluster},
        head::Head,
        keyframe::cluster_header,
        scan::{self, Block, OpenCluster, scan},
    },
    search::{Clock, Keyframe, Point, SearchedVideo, TimestampMap},
};

/// No codec shows a picture later than so many that are decoded after it.
const MAX_REORDERED: u64 = 17;

/// How long a picture is shown if the file does not say, in nanoseconds: 1/24 s.
const FRAME_NANOSECONDS: u64 = 41_708_333;

/// A default duration above this is ignored, in nanoseconds.
const MAX_FRAME_NANOSECONDS: u64 = 200_000_000;

/// By how much the timestamps of clusters may run backwards, in seconds.
const SLACK_SECONDS: f64 = 2.0;

/// How many clusters are walked over behind a cue.
const CLUSTERS_BEHIND_CUE: usize = 8;

/// How far FFmpeg may read on if the pictures of the slice have not all come, in bytes.
const SPARE_BYTES: u64 = 4 * 1024 * 1024;

/// What is read of a block that a cue names, in bytes. In a block group only its end tells whether it is a
/// keyframe; then the keyframe is searched as if there were no cues.
const CUED_BLOCK_BYTES: u64 = 64;

/// How many requests are in flight at once.
const CONCURRENT_REQUESTS: usize = 16;

/// The excerpts of `slices` of the file with this `head`; see [`crate::ContainerIndex::excerpts`].
///
/// # Errors
/// If the source cannot be read, or no index can be made.
pub(crate) async fn excerpts(
    blocks: &BlockCache,
    head: &Head,
    video: &VideoStream,
    slices: &[Slice],
) -> Result<Vec<Option<Excerpt>>, IndexError> {
    let reader = blocks.reader();
    let (track, clock) = (head.track.number, head.clock(video));
    let reorder_delay = reorder_delay(head, &clock);
    let seconds = slices.iter().map(|slice| slice.end).fold(1.0, f64::max);
    let end_pts = clock.pts(seconds);
    let mut bounds = clock.bounds(slices);
    bounds.retain(|bound| *bound < end_pts);

    let clusters = if head.cues.is_empty() {
        clusters::all(reader, head.clusters.clone(), track).await?
    } else {
        behind_cues(reader, head, &bounds, reorder_delay).await?
    };
    let point = |offset, pts: i64| Point {
        offset,
        pts,
        earliest_pts: pts.saturating_sub(reorder_delay),
    };
    let starts = clusters.iter();
    let starts = starts.map(|cluster| point(cluster.offset, cluster.timestamp));
    let cues = head.cues.iter();
    let cues = cues.map(|cue| point(head.segment + cue.cluster_offset, cue.pts));
    let mut map = TimestampMap::new(reorder_delay.saturating_add(clock.span(SLACK_SECONDS)));
    map.add(starts.chain(cues))?;

    let length = head.clusters.end - head.clusters.start;
    let mut searched = SearchedVideo {
        reader,
        clock,
        range: head.clusters.clone(),
        byte_rate: length as f64 / seconds,
        packet: 1,
        reorder_delay,
        end_pts,
        map,
        demuxer: Demuxer::Matroska,
        stream: video.index,
        header: head.header.clone(),
        spare: Some(SPARE_BYTES),
    };
    let find = |offset, bytes: &[u8]| {
        let found = scan(bytes, cluster_around(&clusters, offset), track).into_iter();
        found
            .map(|block| point(offset + block.offset as u64, block.pts))
            .collect()
    };
    searched.search(&bounds, seconds, find).await?;

    // Collected, since a stream that borrows what it maps is not `Send` enough for the compiler.
    let keyframes: Vec<_> = slices
        .iter()
        .map(|slice| keyframe(reader, head, &clusters, clock, clock.range(slice).start))
        .collect();
    let keyframes = stream::iter(keyframes).buffered(CONCURRENT_REQUESTS);
    let keyframes: Vec<Option<Keyframe>> = keyframes.try_collect().await?;
    let query = |latest_pts| KeyframeQuery::Block { track, latest_pts };
    let excerpts = slices.iter().zip(keyframes);
    let excerpts = excerpts.map(|(slice, keyframe)| searched.excerpt(slice, |_| keyframe, query));
    Ok(excerpts.collect())
}

/// How much later a picture may be shown than pictures that are stored behind it, in ticks.
fn reorder_delay(head: &Head, clock: &Clock) -> i64 {
    if !head.track.reorders {
        return 0;
    }
    let frame = head.track.frame_nanoseconds;
    let frame = frame.filter(|frame| *frame <= MAX_FRAME_NANOSECONDS);
    clock.span((frame.unwrap_or(FRAME_NANOSECONDS) * MAX_REORDERED) as f64 / 1e9)
}

/// The clusters behind the last cue before each of the timestamps `wanted`, up to that timestamp.
async fn behind_cues(
    reader: &Arc<Reader>,
    head: &Head,
    wanted: &BTreeSet<i64>,
    reorder_delay: i64,
) -> Result<Vec<Cluster>, IndexError> {
    let walks = wanted.iter().copied().map(|pts| {
        let cue = head.cue_before(pts);
        let start = cue.map_or(head.clusters.start, |cue| head.segment + cue.cluster_offset);
        let go_on = move |cluster: &Cluster| cluster.timestamp <= pts.saturating_add(reorder_delay);
        let range = start..head.clusters.end;
        let track = head.track.number;
        clusters::walk(reader, range, track, CLUSTERS_BEHIND_CUE, go_on)
    });
    let walks: Vec<_> = walks.collect();
    let walks = stream::iter(walks).buffer_unordered(CONCURRENT_REQUESTS);
    let found: Vec<_> = walks.try_collect().await?;
    let mut found: Vec<Cluster> = found.into_iter().flatten().collect();
    found.sort_unstable_by_key(|cluster| cluster.offset);
    found.dedup_by_key(|cluster| cluster.offset);
    Ok(found)
}

/// The cluster that holds `offset`, if that is known, as it is seen from there.
fn cluster_around(clusters: &[Cluster], offset: u64) -> Option<OpenCluster> {
    let after = clusters.partition_point(|cluster| cluster.offset <= offset);
    let cluster = clusters.get(after.checked_sub(1)?)?;
    let left = cluster.end?.checked_sub(offset).filter(|left| *left > 0)?;
    Some(OpenCluster {
        timestamp: cluster.timestamp,
        end: usize::try_from(left).ok(),
    })
}

/// The last keyframe up to `pts`, if its offset is known.
async fn keyframe(
    reader: &Arc<Reader>,
    head: &Head,
    clusters: &[Cluster],
    clock: Clock,
    pts: i64,
) -> Result<Option<Keyframe>, ReadError> {
    let track = head.track.number;
    let Some(cue) = head.cue_before(pts) else {
        let starts_with_keyframe = |cluster: &&Cluster| {
            let first = cluster.first_block;
            first.is_some_and(|first| first.is_keyframe && first.pts <= pts)
        };
        let cluster = clusters.iter().rev().find(starts_with_keyframe);
        let span = clock.span(MAX_DISTANCE_SECONDS);
        let cluster = cluster.filter(|found| pts.saturating_sub(found.timestamp) <= span);
        return Ok(cluster.map(|cluster| Keyframe::at(cluster.offset)));
    };
    let offset = head.segment + cue.cluster_offset;
    let Some(cluster) = clusters::at(reader, offset, track).await? else {
        return Ok(None);
    };
    // Cues lie, and FFmpeg starts with a keyframe whatever they say.
    let is_cued = |block: &Block| block.is_keyframe && block.pts == cue.pts;
    if cluster.first_block.as_ref().is_some_and(is_cued) {
        return Ok(Some(Keyframe::at(offset)));
    }
    let offset = cue.block_offset;
    let offset = offset.and_then(|offset| cluster.content.checked_add(offset));
    let offset = offset.filter(|offset| cluster.end.is_none_or(|end| *offset < end));
    let Some(offset) = offset else {
        return Ok(None);
    };
    let block = offset..offset.saturating_add(CUED_BLOCK_BYTES);
    let bytes = reader.read(block).await?;
    let block = scan::first(&bytes, cluster.timestamp, track).filter(is_cued);
    Ok(block.map(|_| Keyframe {
        offset,
        prefix: cluster_header(cluster.timestamp),
    }))
}

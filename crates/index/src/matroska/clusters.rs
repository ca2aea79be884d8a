//! Where clusters are. Each says how long it is, so a walk goes from one to the next.

use std::{ops::Range, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::{ReadError, Reader};

use crate::matroska::{
    ebml::Header,
    scan::{Block, cluster, scan},
};

/// One cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    /// Where it starts in the source.
    pub(super) offset: u64,
    /// Where its content starts.
    pub(super) content: u64,
    /// Where it ends, if it says so.
    pub(super) end: Option<u64>,
    /// In ticks of the file.
    pub(super) timestamp: i64,
    /// The first block of the video, if that is at the cluster's start.
    pub(super) first_block: Option<Block>,
}

/// What is read of a cluster, in bytes: its header, its timestamp, and a block of sound before the first of video.
const HEAD_BYTES: u64 = 1024;

/// So many clusters tell the mean size of all.
const SAMPLE: usize = 16;

/// Clusters whose mean size is below this, in bytes, need no walk: any probe meets one.
const MIN_WALKED_BYTES: u64 = 128 * 1024;

/// Most clusters that are walked over, and how many in a row. With 20 ms for each, three seconds.
const MAX_CLUSTERS: u64 = 4_000;
const CLUSTERS_IN_A_ROW: u64 = 128;

/// How many walks are in flight at once.
const CONCURRENT_WALKS: usize = 16;

/// What a search for a cluster reads, in bytes: first and at most. It doubles each time.
const STEPS: (u64, u64) = (64 * 1024, 2 * 1024 * 1024);

/// The header of the element at `at`, and the cluster if it is one.
async fn read_head(
    reader: &Arc<Reader>,
    at: u64,
    track: u64,
) -> Result<Option<(Header, Option<Cluster>)>, ReadError> {
    let bytes = reader.read(at..at.saturating_add(HEAD_BYTES)).await?;
    let Some(header) = Header::read(&bytes) else {
        return Ok(None);
    };
    let found = cluster(&bytes).and_then(|head| {
        let first = scan(&bytes, None, track).into_iter().next();
        Some(Cluster {
            offset: at,
            content: at.checked_add(header.header)?,
            end: header.content(at).map(|content| content.end),
            timestamp: head.timestamp,
            first_block: first.filter(|first| first.starts_cluster == Some(0)),
        })
    });
    Ok(Some((header, found)))
}

/// The cluster that starts at `at`.
///
/// # Errors
/// If it cannot be read.
pub(super) async fn at(
    reader: &Arc<Reader>,
    at: u64,
    track: u64,
) -> Result<Option<Cluster>, ReadError> {
    let found = read_head(reader, at, track).await?;
    Ok(found.and_then(|(_, cluster)| cluster))
}

/// The clusters that start in `range`, the first one at its start: up to `most`, and up to the first for which
/// `go_on` is false.
///
/// # Errors
/// If they cannot be read.
pub(super) async fn walk(
    reader: &Arc<Reader>,
    range: Range<u64>,
    track: u64,
    most: usize,
    go_on: impl Fn(&Cluster) -> bool,
) -> Result<Vec<Cluster>, ReadError> {
    let mut clusters = Vec::new();
    let mut at = range.start;
    for _ in 0..most {
        if at >= range.end {
            break;
        }
        let Some((header, found)) = read_head(reader, at, track).await? else {
            break;
        };
        clusters.extend(found);
        let Some(content) = header.content(at) else {
            break;
        };
        if found.is_some_and(|cluster| !go_on(&cluster)) {
            break;
        }
        at = content.end;
    }
    Ok(clusters)
}

/// All clusters in `range`, or just the first few if probes cost less than a walk.
///
/// # Errors
/// If they cannot be read.
pub(super) async fn all(
    reader: &Arc<Reader>,
    range: Range<u64>,
    track: u64,
) -> Result<Vec<Cluster>, ReadError> {
    let mut clusters = walk(reader, range.clone(), track, SAMPLE, |_| true).await?;
    let Some(start) = clusters.last().and_then(|cluster| cluster.end) else {
        return Ok(clusters);
    };
    let mean = (start - range.start) / clusters.len() as u64;
    let left = range.end.saturating_sub(start);
    let count = left / mean.max(1);
    if mean < MIN_WALKED_BYTES || count > MAX_CLUSTERS {
        return Ok(clusters);
    }
    let walks = count / CLUSTERS_IN_A_ROW + 1;
    let part = left / walks + 1;
    let walks = stream::iter(0..walks).map(|walk| {
        let from = start + walk * part;
        let to = (from + part).min(range.end);
        walk_from(reader, from..to, track, mean, walk == 0)
    });
    let found: Vec<_> = walks
        .buffer_unordered(CONCURRENT_WALKS)
        .try_collect()
        .await?;
    clusters.extend(found.into_iter().flatten());
    clusters.sort_unstable_by_key(|cluster| cluster.offset);
    clusters.dedup_by_key(|cluster| cluster.offset);
    Ok(clusters)
}

/// The clusters that start in `range`. If `starts`, the first one is at its start.
async fn walk_from(
    reader: &Arc<Reader>,
    range: Range<u64>,
    track: u64,
    mean: u64,
    starts: bool,
) -> Result<Vec<Cluster>, ReadError> {
    let most = MAX_CLUSTERS as usize / 4;
    if starts {
        return walk(reader, range, track, most, |_| true).await;
    }
    let (mut step, longest) = STEPS;
    let mut from = range.start;
    while from < range.end.min(range.start + 4 * mean) {
        // The start of a cluster may lie across the end of a step.
        let bytes = reader.read(from..from + step + HEAD_BYTES).await?;
        let mut blocks = scan(&bytes, None, track).into_iter();
        if let Some(at) = blocks.find_map(|block| block.starts_cluster) {
            let range = from + at as u64..range.end;
            return walk(reader, range, track, most, |_| true).await;
        }
        from += step;
        step = longest.min(step * 2);
    }
    Ok(Vec::new())
}

//! Where clusters are: from one to the next, since each says how long it is.

use std::{ops::Range, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::reader::{ReadError, Reader};

use crate::matroska::{
    ebml::Header,
    scan::{Seen, cluster, scan},
};

/// One cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Where it starts.
    pub at: u64,
    /// Where its content starts.
    pub content: u64,
    /// Where it ends, if it says so.
    pub end: Option<u64>,
    /// Its time, in units of the file.
    pub time: i64,
    /// The first block of the video, if it is at its start.
    pub first: Option<Seen>,
}

/// What is read of a cluster: its header, its time, and a block of sound before the first of video.
const GLANCE: u64 = 1024;

/// How many clusters tell how large they are.
const SAMPLE: usize = 16;

/// Smaller ones are met wherever one looks.
const SMALL: u64 = 128 * 1024;

/// Most clusters that are walked over, and how many in a row. With 20 ms for each, three seconds.
const MOST: u64 = 4_000;
const IN_A_ROW: u64 = 128;

/// How many walks are under way at once.
const AT_ONCE: usize = 16;

/// What a search for a cluster reads first; it doubles each time, up to the other.
const STEPS: (u64, u64) = (64 * 1024, 2 * 1024 * 1024);

/// What starts at `at`: an element, and the cluster if it is one.
async fn glance(
    reader: &Arc<Reader>,
    at: u64,
    video: u64,
) -> Result<Option<(Header, Option<Cluster>)>, ReadError> {
    let bytes = reader.read(at..at.saturating_add(GLANCE)).await?;
    let Some(header) = Header::read(&bytes) else {
        return Ok(None);
    };
    let found = cluster(&bytes).and_then(|head| {
        let first = scan(&bytes, None, video).into_iter().next();
        Some(Cluster {
            at,
            content: at.checked_add(header.header)?,
            end: header.content(at).map(|content| content.end),
            time: head.time,
            first: first.filter(|first| first.first_of == Some(0)),
        })
    });
    Ok(Some((header, found)))
}

/// The cluster that starts at `at`.
///
/// # Errors
/// If it cannot be read.
pub async fn at(reader: &Arc<Reader>, at: u64, video: u64) -> Result<Option<Cluster>, ReadError> {
    let found = glance(reader, at, video).await?;
    Ok(found.and_then(|(_, cluster)| cluster))
}

/// Up to `most` clusters that start in `range`, the first one at its start, as long as `go_on` holds
/// of them.
///
/// # Errors
/// If they cannot be read.
pub async fn walk(
    reader: &Arc<Reader>,
    range: Range<u64>,
    video: u64,
    most: usize,
    go_on: impl Fn(&Cluster) -> bool,
) -> Result<Vec<Cluster>, ReadError> {
    let mut clusters = Vec::new();
    let mut at = range.start;
    for _ in 0..most {
        if at >= range.end {
            break;
        }
        let Some((header, found)) = glance(reader, at, video).await? else {
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

/// All clusters in `range`, or just the first few where it takes less to look into them.
///
/// # Errors
/// If they cannot be read.
pub async fn all(
    reader: &Arc<Reader>,
    range: Range<u64>,
    video: u64,
) -> Result<Vec<Cluster>, ReadError> {
    let mut clusters = walk(reader, range.clone(), video, SAMPLE, |_| true).await?;
    let Some(start) = clusters.last().and_then(|cluster| cluster.end) else {
        return Ok(clusters);
    };
    let mean = (start - range.start) / clusters.len() as u64;
    let left = range.end.saturating_sub(start);
    let count = left / mean.max(1);
    if mean < SMALL || count > MOST {
        return Ok(clusters);
    }
    let walks = count / IN_A_ROW + 1;
    let part = left / walks + 1;
    let walks = stream::iter(0..walks).map(|walk| {
        let from = start + walk * part;
        let to = (from + part).min(range.end);
        walk_from(reader, from..to, video, mean, walk == 0)
    });
    let found: Vec<_> = walks.buffer_unordered(AT_ONCE).try_collect().await?;
    clusters.extend(found.into_iter().flatten());
    clusters.sort_unstable_by_key(|cluster| cluster.at);
    clusters.dedup_by_key(|cluster| cluster.at);
    Ok(clusters)
}

/// The clusters that start in `range`, which may start anywhere.
async fn walk_from(
    reader: &Arc<Reader>,
    range: Range<u64>,
    video: u64,
    mean: u64,
    starts: bool,
) -> Result<Vec<Cluster>, ReadError> {
    let most = MOST as usize / 4;
    if starts {
        return walk(reader, range, video, most, |_| true).await;
    }
    let (mut step, longest) = STEPS;
    let mut from = range.start;
    while from < range.end.min(range.start + 4 * mean) {
        // The start of a cluster may lie across the end of a step.
        let bytes = reader.read(from..from + step + GLANCE).await?;
        let mut blocks = scan(&bytes, None, video).into_iter();
        if let Some(at) = blocks.find_map(|block| block.first_of) {
            let range = from + at as u64..range.end;
            return walk(reader, range, video, most, |_| true).await;
        }
        from += step;
        step = longest.min(step * 2);
    }
    Ok(Vec::new())
}

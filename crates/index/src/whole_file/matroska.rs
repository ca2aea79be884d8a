//! Matroska: a second recording starts with a header of its own. The segment says where it ends, but not that of a
//! live recording.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::{Measured, SMALL_BYTES, STEP};
use crate::{
    error::IndexError,
    matroska::{
        ebml::{Header, child, unsigned},
        ids,
        scan::cluster,
    },
    search::{Dial, Reading, first_reading, restart},
};

/// The start of a Matroska file, behind the length of this element: its version and its kind.
const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];
const DOC_TYPES: [&[u8]; 2] = [b"\x42\x82\x84webm", b"\x42\x82\x88matroska"];

/// In how many bytes of a Matroska header its kind stands.
const EBML_BYTES: usize = 64;

/// In how many bytes the header of the segment stands, with what it says of its clock.
const HEAD_BYTES: u64 = 4096;

/// In how many bytes a cluster of a live recording is looked for, further and further.
const CLUSTER_BYTES: [u64; 4] = [64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024];

/// What is read of a cluster to know its time, in bytes.
const CLUSTER_HEAD_BYTES: usize = 64;

/// Clusters may run back by so much, in ms.
const MAX_BACK: i64 = 1000;

const NS_PER_MS: u64 = 1_000_000;

/// A second recording in a Matroska file starts with a header of its own.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    // The segment says where it ends, if its size is known.
    let segment = Segment::read(&blocks.read(0..HEAD_BYTES).await?);
    let end = segment.and_then(|segment| segment.end);
    if let Some(end) = end.filter(|end| *end > bytes)
        && video.is_short()
    {
        return Err(video.truncated(bytes, end));
    }
    let found = match (segment, end) {
        _ if bytes <= SMALL_BYTES => second_file(blocks, EBML_BYTES as u64..bytes).await?,
        // Behind it may be padding.
        (_, Some(end)) if end < bytes => second_file(blocks, end..end + STEP).await?,
        (Some(segment), None) => {
            let clock = |at| cluster_behind(blocks, at, segment.scale);
            let dial = Dial {
                reach: CLUSTER_BYTES[3],
                tolerance: MAX_BACK,
            };
            restart(bytes, dial, clock, |range| second_file(blocks, range)).await?
        }
        _ => None,
    };
    match found {
        Some(place) => Err(video.second_recording(place.offset)),
        None => Ok(()),
    }
}

/// Where a file starts in `range` or at its end.
async fn second_file(blocks: &BlockCache, range: Range<u64>) -> Result<Option<Reading>, ReadError> {
    let content = blocks
        .read(range.start..range.end + EBML_BYTES as u64)
        .await?;
    let mut starts = content.windows(EBML_BYTES).enumerate();
    let found = starts.find(|(_, window)| starts_file(window));
    Ok(found.map(|(place, _)| Reading {
        offset: range.start + place as u64,
        ticks: 0,
    }))
}

fn starts_file(window: &[u8]) -> bool {
    window.starts_with(&EBML)
        && DOC_TYPES
            .iter()
            .any(|kind| window.windows(kind.len()).any(|part| part == *kind))
}

/// The segment at the start of a Matroska file.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Where it ends. `None` if it does not say so.
    end: Option<u64>,
    /// A tick of its clock, in ns.
    scale: u64,
}

impl Segment {
    fn read(head: &[u8]) -> Option<Self> {
        let mut start = Header::read(head)?.content(0)?.end;
        let (segment, head) = loop {
            let head = head.get(usize::try_from(start).ok()?..)?;
            let element = Header::read(head)?;
            if element.id == ids::SEGMENT {
                break (element, head);
            }
            start = element.content(start)?.end;
        };
        let content = head.get(usize::try_from(segment.header).ok()?..)?;
        let info = child(content, ids::INFO);
        let scale = info.and_then(|info| unsigned(info, ids::TIMESTAMP_SCALE));
        Some(Self {
            end: segment.content(start).map(|content| content.end),
            scale: scale.unwrap_or(NS_PER_MS),
        })
    }
}

/// The time of the first cluster that starts at `at` or behind, in ms.
async fn cluster_behind(
    blocks: &BlockCache,
    at: u64,
    scale: u64,
) -> Result<Option<Reading>, ReadError> {
    let first_cluster = |content: &[u8]| {
        let mut starts = content.windows(CLUSTER_HEAD_BYTES).enumerate();
        let found = starts.find_map(|(place, window)| Some((place, cluster(window)?)));
        let (place, cluster) = found?;
        let ms = u128::from(cluster.timestamp.unsigned_abs()) * u128::from(scale);
        Some(Reading {
            offset: place as u64,
            ticks: i64::try_from(ms / u128::from(NS_PER_MS)).unwrap_or(i64::MAX),
        })
    };
    first_reading(blocks, at, &CLUSTER_BYTES, first_cluster).await
}

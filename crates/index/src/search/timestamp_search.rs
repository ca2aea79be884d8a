//! Interpolation search: a few probes find the byte offset of a timestamp. What is learnt for one timestamp
//! serves its neighbours.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::Reader;

use super::timestamp_map::{Point, SearchParams, TimestampMap};
use crate::error::IndexError;

/// Most probes for one timestamp. Usually three to five suffice.
const MAX_ROUNDS: u32 = 10;

/// Most reads of one probe. After `CONTIGUOUS_READS` of them the picture is unusually large, so the distance to the
/// next read doubles each time.
const MAX_READS: u32 = 16;
const CONTIGUOUS_READS: u32 = 4;

/// How many probes are in flight at once.
const CONCURRENT_PROBES: usize = 16;

/// Most probes of one source.
const MAX_PROBES: usize = 5_000;

/// Most bytes that all probes may read: 64 MiB, or 1/32 of the source if that is more.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
const MAX_PART: u64 = 32;

/// Narrows the byte offset of each of the timestamps `wanted` until it is close enough or the budget is spent.
/// `ends` are points before and after all others. `probe` gives the points that it finds in a range of bytes.
///
/// # Errors
/// If timestamps run backwards, or `probe` fails.
pub(super) async fn search<F>(
    map: &mut TimestampMap,
    wanted: &BTreeSet<i64>,
    ends: (Point, Point),
    params: SearchParams,
    probe: impl Fn(Range<u64>) -> F,
) -> Result<(), IndexError>
where
    F: Future<Output = Result<Vec<Point>, IndexError>>,
{
    let mut probed: BTreeSet<u64> = BTreeSet::new();
    for round in 0..MAX_ROUNDS {
        let mut ranges = BTreeMap::new();
        for pts in wanted {
            // Where a probe has not helped, the next one keeps a wider margin.
            let mut margins = (0..=round).map(|tried| (params.max_gap / 4) * ((1 << tried) - 1));
            ranges.extend(margins.find_map(|margin| {
                let range = map.interpolate(*pts, ends, params, margin)?;
                (!probed.contains(&range.start)).then_some((range.start, range))
            }));
        }
        if ranges.is_empty() {
            break;
        }
        probed.extend(ranges.keys());
        if probed.len() > MAX_PROBES {
            return Err(IndexError::none("it takes too many probes"));
        }
        let probes = stream::iter(ranges.into_values()).map(&probe);
        let found: Vec<_> = probes
            .buffer_unordered(CONCURRENT_PROBES)
            .try_collect()
            .await?;
        map.add(found.into_iter().flatten())?;
    }
    Ok(())
}

/// Reads `bytes` bytes at the start of `range`, and then more, until `find` finds points. `find` gets the offset
/// at which its bytes start.
///
/// # Errors
/// If the source cannot be read, or too much of it has been read.
pub(super) async fn probe(
    reader: &Arc<Reader>,
    range: Range<u64>,
    bytes: u64,
    find: impl Fn(u64, &[u8]) -> Vec<Point>,
) -> Result<Vec<Point>, IndexError> {
    // This counts all that was read before, by ffprobe too.
    let max_bytes = (reader.len() / MAX_PART).max(MAX_BYTES);
    let (mut start, mut content) = (range.start, Vec::new());
    for count in 0..MAX_READS {
        let mut offset = start + content.len() as u64;
        if count >= CONTIGUOUS_READS {
            // The distance from the start doubles.
            offset = offset.saturating_add(offset - range.start);
            (start, content) = (offset, Vec::new());
        }
        if offset >= range.end {
            break;
        }
        if reader.bytes_read() > max_bytes {
            return Err(IndexError::none("its probes read too much"));
        }
        content.extend_from_slice(&reader.read(offset..offset.saturating_add(bytes)).await?);
        let found = find(start, &content);
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

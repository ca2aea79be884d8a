//! The block of a keyframe that a cue names. Its size is only known from its header.

use std::{ops::Range, sync::Arc};

use gifgen_reader::{ReadError, Reader};

use super::{
    ebml::Header,
    ids,
    scan::{cluster, first},
};

/// Longest block, in bytes. Eight are in memory at once. A keyframe of 4K ProRes has 6 MB.
pub(crate) const MAX_BLOCK_BYTES: u64 = 8 * 1024 * 1024;

/// A block that starts within so many bytes of its cluster is read with the cluster's header.
const NEAR_BYTES: u64 = 128 * 1024;

/// What is read of a cluster whose block is not near, in bytes.
const HEAD_BYTES: u64 = 1024;

/// A read for the header of an element has at least so many bytes.
const MIN_READ_BYTES: u64 = 16 * 1024;

/// Most reads for one block, and most elements before it.
const MAX_READS: usize = 6;
const MAX_ELEMENTS: usize = 4096;

/// The header of a block, with its id and its size, is shorter than this.
const BLOCK_HEADER_BYTES: u64 = 64;

/// A keyframe, as an element of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CuedBlock {
    /// The timestamp of its cluster.
    pub(crate) cluster_timestamp: i64,
    /// A simple block, or a block group.
    pub(crate) element: Vec<u8>,
    /// How much had to be read from the start of the cluster on, or of the block if that is far from it, in bytes.
    pub(crate) needed: u64,
}

/// Which block is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Where its cluster starts in the source.
    pub(crate) cluster: u64,
    /// Where it starts in the content of its cluster, if that is known.
    pub(crate) block: Option<u64>,
    pub(crate) track: u64,
    /// Its pts, in ticks of the file.
    pub(crate) pts: i64,
}

/// Bytes of a source that are read on as they are needed.
struct Window<'a> {
    reader: &'a Arc<Reader>,
    /// Where the source, or its last cluster, ends.
    end: u64,
    start: u64,
    bytes: Vec<u8>,
    reads: usize,
}

impl Window<'_> {
    /// The bytes from `at` to the end of what has been read, at least `least`. `None` if there are not so many.
    async fn get(&mut self, at: u64, least: u64) -> Result<Option<&[u8]>, ReadError> {
        let has = |window: &Self| {
            let end = window.start.saturating_add(window.bytes.len() as u64);
            at >= window.start && at.saturating_add(least) <= end
        };
        if !has(self) {
            let end = self.start.saturating_add(self.bytes.len() as u64);
            self.reads += 1;
            if self.reads > MAX_READS {
                return Ok(None);
            }
            let is_next = (self.start..=end).contains(&at);
            let from = if is_next { end } else { at };
            let to = at
                .saturating_add(least)
                .max(from.saturating_add(MIN_READ_BYTES))
                .min(self.end);
            let kept = if is_next {
                (at - self.start) as usize
            } else {
                self.bytes.len()
            };
            self.bytes.drain(..kept);
            self.start = at;
            if to > from {
                self.bytes
                    .extend_from_slice(&self.reader.read(from..to).await?);
            }
        }
        let at = at
            .checked_sub(self.start)
            .and_then(|at| usize::try_from(at).ok());
        let bytes = at.and_then(|at| self.bytes.get(at..));
        Ok(bytes.filter(|bytes| bytes.len() as u64 >= least))
    }
}

/// The keyframe `wanted` in a source whose last cluster ends at `end`. `guess` is how long it may be, in bytes. `None` if
/// the cue does not lead to a keyframe at its time.
///
/// # Errors
/// If the source cannot be read.
pub(crate) async fn cued_block(
    reader: &Arc<Reader>,
    wanted: Wanted,
    end: u64,
    guess: u64,
) -> Result<Option<CuedBlock>, ReadError> {
    let near = wanted.block.filter(|block| *block > NEAR_BYTES).is_none();
    let length = if near {
        guess.saturating_add(wanted.block.unwrap_or(0))
    } else {
        HEAD_BYTES
    };
    let read = wanted.cluster..wanted.cluster.saturating_add(length).min(end);
    let mut window = Window {
        reader,
        end,
        start: wanted.cluster,
        bytes: reader.read(read).await?.to_vec(),
        reads: 1,
    };
    let Some(head) = cluster(&window.bytes) else {
        return Ok(None);
    };
    let content = Range {
        start: wanted.cluster.saturating_add(head.header.header),
        end: head
            .header
            .content(wanted.cluster)
            .map_or(end, |content| content.end.min(end)),
    };
    let mut at = content.start.saturating_add(wanted.block.unwrap_or(0));
    let base = if near { wanted.cluster } else { at };
    if !near
        && window
            .get(at, guess.min(end.saturating_sub(at)))
            .await?
            .is_none()
    {
        return Ok(None);
    }
    for _ in 0..MAX_ELEMENTS {
        let left = content.end.saturating_sub(at);
        let Some(bytes) = window.get(at, BLOCK_HEADER_BYTES.min(left)).await? else {
            break;
        };
        let header = Header::read(bytes).filter(|_| left > 0);
        let size =
            header.and_then(|header| Some((header, header.header.checked_add(header.size?)?)));
        let Some((header, size)) = size.filter(|(_, size)| *size <= left) else {
            break;
        };
        let is_block = matches!(header.id, ids::SIMPLE_BLOCK | ids::BLOCK_GROUP);
        let found = first(bytes, head.timestamp, wanted.track).filter(|_| is_block);
        if found.is_some_and(|found| found.pts == wanted.pts) {
            if size > MAX_BLOCK_BYTES {
                break;
            }
            // Whether a group is a keyframe is only known from all of it.
            let Some(whole) = window.get(at, size).await? else {
                break;
            };
            let element = whole[..size as usize].to_vec();
            let block = first(&element, head.timestamp, wanted.track);
            let is_keyframe = block.is_some_and(|block| block.is_keyframe);
            return Ok(is_keyframe.then_some(CuedBlock {
                cluster_timestamp: head.timestamp,
                element,
                needed: (at + size).saturating_sub(base),
            }));
        }
        if header.id == ids::CLUSTER {
            break;
        }
        at += size;
    }
    Ok(None)
}

/// A cluster with the timestamp `timestamp` and only this `element`.
pub(crate) fn cluster_of(timestamp: i64, element: &[u8]) -> Vec<u8> {
    const TIMESTAMP_BYTES: u64 = 10;
    let size = (element.len() as u64 + TIMESTAMP_BYTES) | 1 << 56;
    [
        &ids::CLUSTER.to_be_bytes()[..],
        &size.to_be_bytes(),
        &[ids::TIMESTAMP as u8, 0x88],
        &timestamp.to_be_bytes(),
        element,
    ]
    .concat()
}

/// When the block `element` is shown after its cluster's timestamp, in ticks of the file.
pub(crate) fn time_in_cluster(element: &[u8]) -> Option<i64> {
    let block = content(element)?;
    let (_, number) = super::ebml::number(block)?;
    let time = block.get(number..number + 2)?.first_chunk()?;
    Some(i64::from(i16::from_be_bytes(*time)))
}

/// The content of the block `element`, which may be in a group.
fn content(element: &[u8]) -> Option<&[u8]> {
    let header = Header::read(element)?;
    let content = element.get(header.header as usize..)?;
    match header.id {
        ids::SIMPLE_BLOCK => Some(content),
        _ => super::ebml::child(content, ids::BLOCK),
    }
}

/// The block `element` as a simple block whose picture `change` replaces. `None` if there is no picture in it.
pub(crate) fn with_picture(
    element: &[u8],
    change: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let block = content(element)?;
    let (_, number) = super::ebml::number(block)?;
    let picture = change(block.get(number + 3..)?)?;
    let before = block.get(..number + 2)?;
    let size = (before.len() as u64 + 1 + picture.len() as u64) | 1 << 56;
    const KEYFRAME: [u8; 1] = [0x80];
    Some(
        [
            &[ids::SIMPLE_BLOCK as u8][..],
            &size.to_be_bytes(),
            before,
            &KEYFRAME,
            &picture,
        ]
        .concat(),
    )
}

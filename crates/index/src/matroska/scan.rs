//! Finds blocks in any piece of a Matroska file. EBML has no sync marks, so bytes count as a block if another
//! block follows where they end.

use memchr::{memchr3, memmem};

use crate::{
    matroska::{
        ebml::{Header, elements, number},
        ids,
    },
    numbers::big_endian,
};

/// The start of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterHead {
    /// The header of its element.
    pub header: Header,
    /// The times of its blocks count from this, in ticks of the file.
    pub timestamp: i64,
}

/// A cluster whose start is not among the bytes, or is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCluster {
    /// In ticks of the file.
    pub timestamp: i64,
    /// Where it ends in the bytes, if it says so.
    pub end: Option<usize>,
}

/// A block of the video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where it starts in the bytes.
    pub offset: usize,
    /// In ticks of the file.
    pub pts: i64,
    /// Whether decoding can start with it.
    pub is_keyframe: bool,
    /// The timestamp of its cluster.
    pub cluster_timestamp: i64,
    /// Where its cluster starts in the bytes, if it is the first block of the video in that.
    pub starts_cluster: Option<usize>,
}

/// Longest block, in bytes: far more than a picture takes.
const MAX_BLOCK_BYTES: u64 = 64 * 1024 * 1024;

/// Highest track number that is supported.
pub(super) const MAX_TRACK: u64 = 127;

/// Timestamps of clusters are far below this: 2^40 ms are 35 years.
const MAX_TIMESTAMP: u64 = 1 << 53;

/// Most elements of a block group that are read. There are hardly ever more than four.
const MAX_GROUP_ELEMENTS: usize = 8;

/// What a block says of itself. Its time counts from the cluster's timestamp.
struct BlockHeader {
    track: u64,
    time: i64,
    is_keyframe: bool,
}

/// The cluster that starts with `bytes`.
pub fn cluster(bytes: &[u8]) -> Option<ClusterHead> {
    let header = Header::read(bytes).filter(|header| header.id == ids::CLUSTER)?;
    let content = bytes.get(header.header as usize..)?;
    // The timestamp comes first, but for a checksum and such.
    let (_, _, time) = elements(content).take(4).find(|(_, element, content)| {
        element.id == ids::TIMESTAMP && element.size == Some(content.len() as u64)
    })?;
    let time = Some(big_endian(time)).filter(|time| *time < MAX_TIMESTAMP)?;
    Some(ClusterHead {
        header,
        timestamp: i64::try_from(time).ok()?,
    })
}

/// The blocks of `track` in `bytes`, which start within the cluster `open`. Blocks outside of clusters are not seen:
/// their times count from the timestamp of a cluster whose header is damaged.
pub fn scan(bytes: &[u8], open: Option<OpenCluster>, track: u64) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open = open;
    let mut starts_cluster = None;
    // Whether an element is known to start here.
    let mut is_sure = false;
    let mut at = 0;
    loop {
        if !is_sure {
            at = next_start(bytes, at, open.is_some());
        }
        let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else {
            break;
        };
        if let Some(head) = cluster(rest) {
            let content = head.header.content(at as u64);
            open = Some(OpenCluster {
                timestamp: head.timestamp,
                end: content.and_then(|content| usize::try_from(content.end).ok()),
            });
            starts_cluster = Some(at);
            is_sure = true;
            at += head.header.header as usize;
            continue;
        }
        open = open.filter(|open| open.end.is_none_or(|end| at < end));
        let header = Header::read(rest);
        let length = header.and_then(|header| {
            let length = header.header.checked_add(header.size?)?;
            usize::try_from(length).ok()
        });
        let (Some(header), Some(length)) = (header, length) else {
            is_sure = false;
            at += 1;
            continue;
        };
        let block = open.and_then(|open| Some((open.timestamp, block(header, rest)?)));
        if let Some((timestamp, block)) = block
            && (is_sure || followed(rest, length))
        {
            if block.track == track {
                found.push(Block {
                    offset: at,
                    pts: timestamp + block.time,
                    is_keyframe: block.is_keyframe,
                    cluster_timestamp: timestamp,
                    starts_cluster: starts_cluster.take(),
                });
            }
            is_sure = true;
        } else if !(is_sure && is_known(header.id)) {
            is_sure = false;
            at += 1;
            continue;
        }
        at = at.saturating_add(length);
    }
    found
}

/// The first place from `at` on where a cluster may start, or a block if one is open. Most bytes are none of either, so
/// this decides how long a scan takes.
fn next_start(bytes: &[u8], at: usize, is_open: bool) -> usize {
    const CLUSTER: [u8; 4] = ids::CLUSTER.to_be_bytes();
    let rest = bytes.get(at..).unwrap_or_default();
    let found = if is_open {
        memchr3(
            CLUSTER[0],
            ids::SIMPLE_BLOCK as u8,
            ids::BLOCK_GROUP as u8,
            rest,
        )
    } else {
        memmem::find(rest, &CLUSTER)
    };
    found.map_or(bytes.len(), |found| at + found)
}

/// The block of `track` with which `bytes` start, in a cluster with the timestamp `cluster_timestamp`.
pub(super) fn first(bytes: &[u8], cluster_timestamp: i64, track: u64) -> Option<Block> {
    let block = block(Header::read(bytes)?, bytes).filter(|block| block.track == track)?;
    Some(Block {
        offset: 0,
        pts: cluster_timestamp + block.time,
        is_keyframe: block.is_keyframe,
        cluster_timestamp,
        starts_cluster: None,
    })
}

/// Whether a block, or a cluster, starts `length` bytes on.
fn followed(bytes: &[u8], length: usize) -> bool {
    let Some(next) = bytes.get(length..) else {
        return false;
    };
    let header = Header::read(next);
    header.is_some_and(|header| header.id == ids::CLUSTER || block(header, next).is_some())
}

/// Whether such elements may stand between blocks.
fn is_known(id: u32) -> bool {
    [
        ids::TIMESTAMP,
        ids::POSITION,
        ids::PREVIOUS_SIZE,
        ids::VOID,
        ids::CRC_32,
    ]
    .contains(&id)
}

/// The block with which `bytes` start. Its end may be missing.
fn block(header: Header, bytes: &[u8]) -> Option<BlockHeader> {
    let size = header.size.filter(|size| *size <= MAX_BLOCK_BYTES)?;
    let content = bytes.get(header.header as usize..)?;
    let whole = content.get(..size as usize);
    let content = whole.unwrap_or(content);
    match header.id {
        ids::SIMPLE_BLOCK => {
            let (mut block, flags) = inner(content)?;
            block.is_keyframe = flags & 0x80 != 0;
            (flags & 0x70 == 0).then_some(block)
        }
        ids::BLOCK_GROUP => {
            // A few only: each byte of a hostile file may seem to start a group of all that follows.
            let parts = || elements(content).take(MAX_GROUP_ELEMENTS);
            let (_, _, own) = parts().find(|(_, part, _)| part.id == ids::BLOCK)?;
            let (mut block, flags) = inner(own)?;
            // A reference to another block may stand behind what was read.
            let refers = parts().any(|(_, part, _)| part.id == ids::REFERENCE);
            block.is_keyframe = whole.is_some() && !refers && parts().count() < MAX_GROUP_ELEMENTS;
            (flags & 0xf1 == 0).then_some(block)
        }
        _ => None,
    }
}

fn inner(content: &[u8]) -> Option<(BlockHeader, u8)> {
    let (track, length) = number(content)?;
    let track = track.filter(|track| (1..=MAX_TRACK).contains(track))?;
    let [high, low, flags, ..] = *content.get(length..)? else {
        return None;
    };
    let block = BlockHeader {
        track,
        time: i64::from(i16::from_be_bytes([high, low])),
        is_keyframe: false,
    };
    Some((block, flags))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            // A cluster with the timestamp 7, and one of a size that nobody knows.
            Just(vec![0x1f, 0x43, 0xb6, 0x75, 0x8b, 0xe7, 0x81, 7]),
            Just(vec![0x1f, 0x43, 0xb6, 0x75, 0xff, 0xe7, 0x81, 9]),
            // A block, and one in a group.
            Just(vec![0xa3, 0x85, 0x81, 0, 1, 0x80, 5]),
            Just(vec![0xa0, 0x87, 0xa1, 0x85, 0x81, 0, 2, 0, 5]),
            prop::collection::vec(any::<u8>(), 0..9),
        ];
        prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn nothing_starts_where_a_scan_skips_bytes(bytes in pieces(), at in 0usize..40, is_open in any::<bool>()) {
            let next = next_start(&bytes, at, is_open);
            for skipped in at..next {
                let rest = &bytes[skipped..];
                prop_assert!(cluster(rest).is_none());
                let is_block = Header::read(rest).is_some_and(|header| block(header, rest).is_some());
                prop_assert!(!(is_open && is_block));
            }
        }
    }
}

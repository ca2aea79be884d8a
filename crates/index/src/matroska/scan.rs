//! Blocks in any piece of a Matroska file: EBML has no marks to find one's way by, so that blocks are
//! taken for such if another one follows where they end.

use crate::matroska::{
    ebml::{Header, big_endian, elements, number, unsigned},
    ids,
};

/// The start of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterHead {
    /// Its header.
    pub header: Header,
    /// What its blocks count their times from, in units of the file.
    pub time: i64,
}

/// A block of the video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where it starts in what was looked at.
    pub at: usize,
    /// When it is shown, in units of the file.
    pub time: i64,
    /// Whether decoding can start with it.
    pub key: bool,
    /// The time of its cluster.
    pub cluster: i64,
    /// Where that starts, if this is the first block in it.
    pub first_of: Option<usize>,
}

/// What a piece of a file lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The time of the cluster.
    pub time: i64,
}

/// Longest block, in bytes: far more than a picture takes.
const LONGEST_BLOCK: u64 = 64 * 1024 * 1024;

/// Highest number of a track that is taken for one.
pub const HIGHEST_TRACK: u64 = 127;

/// Times in clusters are far below this: 2^40 ms are 35 years.
const LATEST: u64 = 1 << 53;

/// Most elements of a group of blocks that are looked at. There are hardly ever more than four.
const PARTS_OF_A_GROUP: usize = 8;

struct Block {
    track: u64,
    time: i64,
    key: bool,
}

/// The cluster that starts with `bytes`.
pub fn cluster(bytes: &[u8]) -> Option<ClusterHead> {
    let header = Header::read(bytes).filter(|header| header.id == ids::CLUSTER)?;
    let content = bytes.get(header.header as usize..)?;
    // The time comes first, but for a checksum and such.
    let (_, _, time) = elements(content).take(4).find(|(_, element, content)| {
        element.id == ids::TIMESTAMP && element.size == Some(content.len() as u64)
    })?;
    let time = Some(big_endian(time)).filter(|time| *time < LATEST)?;
    Some(ClusterHead {
        header,
        time: i64::try_from(time).ok()?,
    })
}

/// The blocks of the track `video` in `bytes`. What is before the first cluster in it belongs to
/// `inside`.
pub fn scan(bytes: &[u8], inside: Option<Inside>, video: u64) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut time = inside.map(|inside| inside.time);
    let mut first_of = None;
    // Whether an element is known to start here.
    let mut sure = false;
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(head) = cluster(rest) {
            time = Some(head.time);
            first_of = Some(at);
            sure = true;
            at += head.header.header as usize;
            continue;
        }
        let header = Header::read(rest);
        let length = header.and_then(|header| {
            let length = header.header.checked_add(header.size?)?;
            usize::try_from(length).ok()
        });
        let (Some(header), Some(length)) = (header, length) else {
            sure = false;
            at += 1;
            continue;
        };
        let block = time.and_then(|time| Some((time, block(header, rest)?)));
        if let Some((time, block)) = block
            && (sure || followed(rest, length))
        {
            if block.track == video {
                seen.push(Seen {
                    at,
                    time: time + block.time,
                    key: block.key,
                    cluster: time,
                    first_of: first_of.take(),
                });
            }
            sure = true;
        } else if !(sure && is_known(header.id)) {
            sure = false;
            at += 1;
            continue;
        }
        at = at.saturating_add(length);
    }
    seen
}

/// The block of the track `video` that `bytes` start with, inside of `inside`.
pub fn first(bytes: &[u8], inside: Inside, video: u64) -> Option<Seen> {
    let block = block(Header::read(bytes)?, bytes).filter(|block| block.track == video)?;
    Some(Seen {
        at: 0,
        time: inside.time + block.time,
        key: block.key,
        cluster: inside.time,
        first_of: None,
    })
}

/// Whether what starts `length` bytes on looks like an element of a cluster, or a cluster.
fn followed(bytes: &[u8], length: usize) -> bool {
    let Some(next) = bytes.get(length..) else {
        return false;
    };
    let header = Header::read(next);
    header.is_some_and(|header| header.id == ids::CLUSTER || block(header, next).is_some())
}

/// Whether such elements stand beside blocks, and times of clusters.
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

/// The block that starts with `bytes`, of which the end may be missing.
fn block(header: Header, bytes: &[u8]) -> Option<Block> {
    let size = header.size.filter(|size| *size <= LONGEST_BLOCK)?;
    let content = bytes.get(header.header as usize..)?;
    let whole = content.get(..size as usize);
    let content = whole.unwrap_or(content);
    match header.id {
        ids::SIMPLE_BLOCK => {
            let (mut block, flags) = inner(content)?;
            block.key = flags & 0x80 != 0;
            (flags & 0x70 == 0).then_some(block)
        }
        ids::BLOCK_GROUP => {
            // A few only: each byte of a hostile file may seem to start a group of all that follows.
            let parts = || elements(content).take(PARTS_OF_A_GROUP);
            let (_, _, own) = parts().find(|(_, part, _)| part.id == ids::BLOCK)?;
            let (mut block, flags) = inner(own)?;
            // What it refers to may stand behind what was read.
            let refers = parts().any(|(_, part, _)| part.id == ids::REFERENCE);
            block.key = whole.is_some() && !refers && parts().count() < PARTS_OF_A_GROUP;
            (flags & 0xf1 == 0).then_some(block)
        }
        _ => None,
    }
}

fn inner(content: &[u8]) -> Option<(Block, u8)> {
    let (track, length) = number(content)?;
    let track = track.filter(|track| (1..=HIGHEST_TRACK).contains(track))?;
    let [high, low, flags, ..] = *content.get(length..)? else {
        return None;
    };
    let block = Block {
        track,
        time: i64::from(i16::from_be_bytes([high, low])),
        key: false,
    };
    Some((block, flags))
}

/// An unsigned number in an element of `bytes`, for who looks at a few elements only.
pub(crate) fn count(bytes: &[u8], id: u32) -> Option<i64> {
    unsigned(bytes, id).and_then(|number| i64::try_from(number).ok())
}

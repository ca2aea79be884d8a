//! What the index needs of a file: a few boxes at its top.

use bytes::Bytes;
use gifgen_reader::block_cache::BlockCache;

use super::{
    boxes::{HEADER, Header, children, none},
    fragment_walk,
};
use crate::container_index::IndexError;

/// Longest `moov`, in bytes: thirteen hours of the usual kind.
const LONGEST_MOOV: u64 = 64 * 1024 * 1024;

/// Longest `ftyp`, in bytes. It goes into each excerpt.
const LONGEST_FTYP: u64 = 4096;

/// Most boxes before the `moov`, each of which may cost a request.
const MOST_BOXES: u32 = 200;

/// The parts of a file.
#[derive(Debug, Default)]
pub(super) struct TopLevelBoxes {
    /// With its header. Empty if there is none.
    pub(super) ftyp: Bytes,
    /// Content of the `moov`.
    pub(super) moov: Bytes,
    /// Where each `moof` starts, and its content. In order.
    pub(super) fragments: Vec<(u64, Bytes)>,
    /// Whether there is an index of segments.
    pub(super) has_segment_index: bool,
    /// Size of the file, in bytes.
    pub(super) bytes: u64,
}

impl TopLevelBoxes {
    /// Reads them.
    pub(super) async fn read(blocks: &BlockCache) -> Result<Self, IndexError> {
        let mut parts = Self {
            bytes: blocks.reader().len(),
            ..Self::default()
        };
        let mut at = 0;
        for _ in 0..MOST_BOXES {
            let head = blocks.read(at..at.saturating_add(HEADER)).await?;
            let Some(header) = Header::parse(&head) else {
                break;
            };
            let end = header.end(at, parts.bytes);
            match parts.wanted(&header, at, end)? {
                Some(Wanted::Ftyp) => parts.ftyp = blocks.read(at..end).await?,
                Some(Wanted::Moov) => {
                    parts.moov = blocks.read(at + header.len..end).await?;
                    if may_have_fragments(&parts.moov) {
                        fragment_walk::read(blocks, end, &mut parts).await?;
                    }
                    return Ok(parts);
                }
                None => {}
            }
            at = end;
        }
        Err(none("there is no moov"))
    }

    /// Finds them in a file that is at hand.
    pub(super) fn of(file: &[u8]) -> Result<Self, IndexError> {
        let mut parts = Self {
            bytes: file.len() as u64,
            ..Self::default()
        };
        let mut at = 0;
        for child in children(file) {
            let (start, end) = (at, at + child.raw.len() as u64);
            at = end;
            let header = Header::parse(child.raw);
            let header = header.ok_or_else(|| none("a box has no header"))?;
            match (parts.wanted(&header, start, end)?, &child.kind) {
                (Some(Wanted::Ftyp), _) => parts.ftyp = Bytes::copy_from_slice(child.raw),
                (Some(Wanted::Moov), _) => parts.moov = Bytes::copy_from_slice(child.body),
                (None, b"moof") => {
                    let content = Bytes::copy_from_slice(child.body);
                    parts.fragments.push((start, content));
                }
                (None, b"sidx") => parts.has_segment_index = true,
                (None, _) => {}
            }
        }
        Ok(parts)
    }

    /// Which part this box is, from `at` to `end`, if it is one and the first of its kind.
    fn wanted(&self, header: &Header, at: u64, end: u64) -> Result<Option<Wanted>, IndexError> {
        let (wanted, longest) = match &header.kind {
            b"ftyp" if self.ftyp.is_empty() => (Wanted::Ftyp, LONGEST_FTYP),
            b"moov" if self.moov.is_empty() => (Wanted::Moov, LONGEST_MOOV),
            _ => return Ok(None),
        };
        if end - at > longest || end > self.bytes {
            return Err(none("the description is too long, or cut off"));
        }
        Ok(Some(wanted))
    }
}

enum Wanted {
    Ftyp,
    Moov,
}

fn may_have_fragments(moov: &[u8]) -> bool {
    children(moov).any(|child| child.kind == *b"mvex")
}

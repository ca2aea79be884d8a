//! The boxes at the top of a file that the index needs.

use bytes::Bytes;
use gifgen_reader::BlockCache;

use super::{
    boxes::{HEADER, Header, children, none},
    fragment_walk::Moof,
    moov::Moov,
};
use crate::error::IndexError;

/// Longest `ftyp`, in bytes. It goes into each excerpt.
const MAX_FTYP_BYTES: u64 = 4096;

/// Most boxes before the `moov`, each of which may cost a request.
const MAX_BOXES: u32 = 200;

/// These boxes.
#[derive(Debug, Default)]
pub(super) struct TopLevelBoxes {
    /// The `ftyp` with its header. Empty if there is none.
    pub(super) ftyp: Bytes,
    pub(super) moov: Moov,
    /// Where the `moov` ends, behind which fragments may follow.
    pub(super) fragments_at: Option<u64>,
    /// Those of a file that is in memory.
    pub(super) moofs: Vec<Moof>,
    /// Whether there is a segment index (`sidx`) in it.
    pub(super) has_segment_index: bool,
    /// Where a second file starts that was appended to a plain one.
    pub(super) second_file: Option<u64>,
    /// Size of the file, in bytes.
    pub(super) bytes: u64,
}

impl TopLevelBoxes {
    /// Reads them from a source, for the track that is FFmpeg's stream `index`.
    pub(super) async fn read(blocks: &BlockCache, index: u32) -> Result<Self, IndexError> {
        let mut boxes = Self {
            bytes: blocks.reader().len(),
            ..Self::default()
        };
        let mut at = 0;
        for _ in 0..MAX_BOXES {
            let head = blocks.read(at..at.saturating_add(HEADER)).await?;
            let Some(header) = Header::parse(&head) else {
                break;
            };
            let end = header.end(at, boxes.bytes);
            match boxes.wanted(&header, at, end)? {
                Some(Wanted::Ftyp) => boxes.ftyp = blocks.read(at..end).await?,
                Some(Wanted::Moov) => {
                    boxes.moov = Moov::read(blocks, at + header.len..end, index).await?;
                    if may_have_fragments(&boxes.moov.content) {
                        boxes.fragments_at = Some(end);
                        return Ok(boxes);
                    }
                }
                None if header.kind == *b"ftyp" && !boxes.moov.content.is_empty() => {
                    boxes.second_file = Some(at);
                    break;
                }
                None => {}
            }
            at = end;
            if at >= boxes.bytes {
                break;
            }
        }
        if boxes.moov.content.is_empty() {
            return Err(none("there is no moov"));
        }
        Ok(boxes)
    }

    /// Finds them in the bytes of a file.
    pub(super) fn of(file: &[u8]) -> Result<Self, IndexError> {
        let mut boxes = Self {
            bytes: file.len() as u64,
            ..Self::default()
        };
        let mut at = 0;
        for child in children(file) {
            let (start, end) = (at, at + child.raw.len() as u64);
            at = end;
            let header = Header::parse(child.raw);
            let header = header.ok_or_else(|| none("a box has no header"))?;
            match (boxes.wanted(&header, start, end)?, &child.kind) {
                (Some(Wanted::Ftyp), _) => boxes.ftyp = Bytes::copy_from_slice(child.raw),
                (Some(Wanted::Moov), _) => {
                    boxes.moov = Moov::whole(Bytes::copy_from_slice(child.body))
                }
                (None, b"moof" | b"moov") => boxes.moofs.push(Moof {
                    at: start,
                    content: Bytes::copy_from_slice(child.body),
                    is_behind_hole: false,
                    is_moov: child.kind == *b"moov",
                    is_cut_off: false,
                }),
                (None, b"sidx") => boxes.has_segment_index = true,
                (None, _) => {}
            }
        }
        Ok(boxes)
    }

    /// Which of them the box from `at` to `end` is. `None` if it is none, or not the first of its kind.
    fn wanted(&self, header: &Header, at: u64, end: u64) -> Result<Option<Wanted>, IndexError> {
        let (wanted, longest) = match &header.kind {
            b"ftyp" if self.ftyp.is_empty() => (Wanted::Ftyp, MAX_FTYP_BYTES),
            b"moov" if self.moov.content.is_empty() => (Wanted::Moov, u64::MAX),
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

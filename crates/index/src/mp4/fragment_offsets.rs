//! The offsets of fragments that a file names.

use gifgen_reader::BlockCache;
use mp4_atom::{Mfro, Sidx, Tfra};

use super::boxes::{HEADER, Header, children, content};
use crate::error::IndexError;

/// Most boxes between the `moov` and the first `moof`.
const MAX_BOXES: u32 = 64;

/// Longest box of an index, in bytes.
const MAX_INDEX_BYTES: u64 = 4 * 1024 * 1024;

/// Length of an `mfro`, in bytes. It stands at the end of a file and says how long the `mfra` is that ends with it.
const MFRO: u64 = 16;

/// The offsets of fragments.
#[derive(Debug, Default)]
pub(super) struct FragmentOffsets {
    /// The offset of the first `moof`. `None` if there is none.
    pub(super) first: Option<u64>,
    /// The length of the first `moof`, in bytes.
    pub(super) first_len: u64,
    /// The offsets of segments, by an index. A segment starts with a `moof`, or with other boxes and then a `moof`.
    pub(super) known: Vec<u64>,
    /// Whether there is a segment index (`sidx`).
    pub(super) has_segment_index: bool,
}

impl FragmentOffsets {
    /// Reads the boxes behind the `moov`, which ends at `at`, and the table at the end of the file.
    pub(super) async fn read(blocks: &BlockCache, mut at: u64) -> Result<Self, IndexError> {
        let bytes = blocks.reader().len();
        let mut offsets = Self::default();
        for _ in 0..MAX_BOXES {
            let head = blocks.read(at..at.saturating_add(HEADER)).await?;
            let Some(header) = Header::parse(&head) else {
                break;
            };
            let end = header.end(at, bytes);
            match &header.kind {
                b"moof" => {
                    offsets.first = Some(at);
                    offsets.first_len = end - at;
                    break;
                }
                b"sidx" if end - at <= MAX_INDEX_BYTES => {
                    offsets.has_segment_index = true;
                    let sidx = blocks.read(at + header.len..end).await?;
                    // One that does not parse is ignored: the fragments can be found without.
                    if let Ok(sidx) = content::<Sidx>(&sidx) {
                        offsets.known.extend(segments(&sidx, end));
                    }
                }
                _ => {}
            }
            at = end;
        }
        let Some(first) = offsets.first else {
            return Ok(offsets);
        };
        if offsets.known.len() < 2 {
            offsets.known.extend(random_access(blocks).await?);
        }
        offsets
            .known
            .retain(|offset| (first..bytes).contains(offset));
        offsets.known.push(first);
        offsets.known.sort_unstable();
        offsets.known.dedup();
        Ok(offsets)
    }
}

/// The offsets of the segments that a `sidx` names which ends at `end`. A segment with a `sidx` of its own starts
/// with that.
fn segments(sidx: &Sidx, end: u64) -> impl Iterator<Item = u64> {
    let mut at = end.saturating_add(sidx.first_offset);
    sidx.references.iter().map(move |reference| {
        let start = at;
        at = at.saturating_add(u64::from(reference.referenced_size));
        start
    })
}

/// The offsets of fragments, by the table at the end of the file (`mfra`).
async fn random_access(blocks: &BlockCache) -> Result<Vec<u64>, IndexError> {
    let bytes = blocks.reader().len();
    let end = blocks.read(bytes.saturating_sub(MFRO)..bytes).await?;
    let mfro = children(&end).find(|child| child.kind == *b"mfro");
    let Some(Ok(mfro)) = mfro.map(|mfro| content::<Mfro>(mfro.body)) else {
        return Ok(Vec::new());
    };
    let size = u64::from(mfro.parent_size);
    if size > MAX_INDEX_BYTES {
        return Ok(Vec::new());
    }
    let mfra = blocks.read(bytes.saturating_sub(size)..bytes).await?;
    let mfra = children(&mfra).find(|child| child.kind == *b"mfra");
    let tables = mfra.into_iter().flat_map(|mfra| children(mfra.body));
    let tables = tables.filter(|table| table.kind == *b"tfra");
    Ok(tables
        .filter_map(|table| content::<Tfra>(table.body).ok())
        .flat_map(|table| table.entries)
        .map(|entry| entry.moof_offset)
        .collect())
}

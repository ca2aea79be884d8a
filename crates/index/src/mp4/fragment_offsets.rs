//! Where fragments start, as far as a file says so.

use gifgen_reader::block_cache::BlockCache;
use mp4_atom::{Mfro, Sidx, Tfra};

use super::boxes::{HEADER, Header, children, content};
use crate::container_index::IndexError;

/// Most boxes between the `moov` and the first `moof`.
const MOST_BOXES: u32 = 64;

/// Longest box of an index, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Length of the box at the end of a file that says how long the `mfra` before it is.
const MFRO: u64 = 16;

/// Where fragments start.
#[derive(Debug, Default)]
pub(super) struct FragmentOffsets {
    /// Where the first `moof` is; `None` if there is none.
    pub(super) first: Option<u64>,
    /// How long it is.
    pub(super) first_len: u64,
    /// Where segments start, by an index: with a `moof`, or with other boxes and then a `moof`.
    pub(super) known: Vec<u64>,
    /// Whether there is an index of segments.
    pub(super) has_segment_index: bool,
}

impl FragmentOffsets {
    /// Reads what the file says behind its `moov`, which ends at `at`, and at its end.
    pub(super) async fn read(blocks: &BlockCache, mut at: u64) -> Result<Self, IndexError> {
        let bytes = blocks.reader().len();
        let mut starts = Self::default();
        for _ in 0..MOST_BOXES {
            let head = blocks.read(at..at.saturating_add(HEADER)).await?;
            let Some(header) = Header::parse(&head) else {
                break;
            };
            let end = header.end(at, bytes);
            match &header.kind {
                b"moof" => {
                    starts.first = Some(at);
                    starts.first_len = end - at;
                    break;
                }
                b"sidx" if end - at <= LONGEST => {
                    starts.has_segment_index = true;
                    let sidx = blocks.read(at + header.len..end).await?;
                    // One that cannot be read is none: the fragments can be found without.
                    if let Ok(sidx) = content::<Sidx>(&sidx) {
                        starts.known.extend(segments(&sidx, end));
                    }
                }
                _ => {}
            }
            at = end;
        }
        let Some(first) = starts.first else {
            return Ok(starts);
        };
        if starts.known.len() < 2 {
            starts.known.extend(random_access(blocks).await?);
        }
        starts.known.retain(|start| (first..bytes).contains(start));
        starts.known.push(first);
        starts.known.sort_unstable();
        starts.known.dedup();
        Ok(starts)
    }
}

/// Where the segments of an index that ends at `end` start. One of an index of its own starts with
/// that.
fn segments(sidx: &Sidx, end: u64) -> impl Iterator<Item = u64> {
    let mut at = end.saturating_add(sidx.first_offset);
    sidx.references.iter().map(move |reference| {
        let start = at;
        at = at.saturating_add(u64::from(reference.referenced_size));
        start
    })
}

/// Where fragments start, by the table at the end of the file.
async fn random_access(blocks: &BlockCache) -> Result<Vec<u64>, IndexError> {
    let bytes = blocks.reader().len();
    let end = blocks.read(bytes.saturating_sub(MFRO)..bytes).await?;
    let mfro = children(&end).find(|child| child.kind == *b"mfro");
    let Some(Ok(mfro)) = mfro.map(|mfro| content::<Mfro>(mfro.body)) else {
        return Ok(Vec::new());
    };
    let size = u64::from(mfro.parent_size);
    if size > LONGEST {
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

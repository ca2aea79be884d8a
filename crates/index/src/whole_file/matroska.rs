//! Matroska: a second recording starts with a header of its own, and the segment says where it ends.

use gifgen_reader::{BlockCache, ReadError};

use super::{Measured, SMALL_BYTES};
use crate::{error::IndexError, matroska::ebml::Header};

/// The start of a Matroska file, behind the length of this element: its version and its kind.
const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];
const DOC_TYPES: [&[u8]; 2] = [b"\x42\x82\x84webm", b"\x42\x82\x88matroska"];

/// In how many bytes of a Matroska header its kind stands.
const EBML_BYTES: usize = 64;

/// A second recording in a Matroska file starts with a header of its own.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let starts_file = |window: &[u8]| {
        window.starts_with(&EBML)
            && DOC_TYPES
                .iter()
                .any(|kind| window.windows(kind.len()).any(|part| part == *kind))
    };
    // The segment says where it ends, if its size is known.
    let end = segment_end(blocks).await?;
    if let Some(end) = end.filter(|end| *end > bytes)
        && video.is_short()
    {
        return Err(video.truncated(bytes, end));
    }
    if bytes > SMALL_BYTES {
        let Some(end) = end.filter(|end| *end < bytes) else {
            return Ok(());
        };
        let next = blocks.read(end..end + EBML_BYTES as u64).await?;
        return if starts_file(&next) {
            Err(video.second_recording(end))
        } else {
            Ok(())
        };
    }
    let content = blocks.read(0..bytes).await?;
    let mut starts = content.windows(EBML_BYTES).enumerate().skip(EBML_BYTES);
    match starts.find(|(_, window)| starts_file(window)) {
        Some((offset, _)) => Err(video.second_recording(offset as u64)),
        None => Ok(()),
    }
}

/// Where the segment at the start of a Matroska file ends. `None` if it does not say so.
async fn segment_end(blocks: &BlockCache) -> Result<Option<u64>, ReadError> {
    let head = blocks.read(0..4096).await?;
    let end = Header::read(&head).and_then(|ebml| {
        let start = ebml.content(0)?.end;
        let segment = Header::read(head.get(usize::try_from(start).ok()?..)?)?;
        Some(segment.content(start)?.end)
    });
    Ok(end)
}

//! Damaged and lost pages of an Ogg file.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::MAX_BYTES;
use crate::ogg::Page;

/// How much is read at once, in bytes. A page has 65,307 at most.
const READ_BYTES: u64 = 1024 * 1024;

/// Whether pages are damaged, or are missing in their stream, from the page at `range.start` to the one at `range.end`,
/// with both.
///
/// # Errors
/// If the source cannot be read.
pub async fn ogg_loses(blocks: &BlockCache, range: Range<u64>) -> Result<bool, ReadError> {
    let end = range.end.min(range.start.saturating_add(MAX_BYTES));
    let end = end.min(blocks.reader().len().saturating_sub(1));
    let mut at = range.start;
    let mut last: Option<Page> = None;
    while at <= end {
        let content = blocks.read(at..at + READ_BYTES).await?;
        let mut rest = &content[..];
        while at <= end {
            let Some(page) = Page::of(rest) else {
                break;
            };
            if page.bytes > rest.len() {
                break;
            }
            let is_next = last.is_none_or(|last| {
                page.stream != last.stream || page.number == last.number.wrapping_add(1)
            });
            if !page.is_intact(rest) || !is_next {
                return Ok(true);
            }
            let is_first_stream = last.is_none_or(|last| page.stream == last.stream);
            last = if is_first_stream { Some(page) } else { last };
            rest = &rest[page.bytes..];
            at += page.bytes as u64;
        }
        if rest.len() == content.len() {
            return Ok(true);
        }
    }
    Ok(false)
}

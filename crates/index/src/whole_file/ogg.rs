//! Ogg: pages with the number of their stream. Other streams behind the first ones are another recording.

use gifgen_reader::{BlockCache, ReadError};

use super::{Measured, SMALL_BYTES};
use crate::{error::IndexError, ogg::Page};

/// Most streams of a recording, and how many bytes their first pages take at most.
const MAX_STREAMS: usize = 64;
const FIRST_PAGES_BYTES: u64 = 64 * 1024;

/// Bytes in which a page must start: the longest page.
const PAGE_BYTES: u64 = 65_307;

/// Looks for the first page of another recording, or for the last page of a stream that the first one does not have.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let Some(second) = second_start(blocks, bytes).await? else {
        return Ok(());
    };
    Err(video.second_recording(second))
}

async fn second_start(blocks: &BlockCache, bytes: u64) -> Result<Option<u64>, ReadError> {
    if bytes <= SMALL_BYTES {
        return Ok(second_in(&blocks.read(0..bytes).await?).map(|at| at as u64));
    }
    let streams = first_streams(&blocks.read(0..FIRST_PAGES_BYTES).await?);
    let is_of_another = |content: &[u8]| {
        let page = pages(content).next();
        page.filter(|(_, page)| !streams.contains(&page.stream))
            .map(|(at, _)| at as u64)
    };
    let last = bytes - PAGE_BYTES.min(bytes);
    let content = blocks.read(last..bytes).await?;
    let Some(at) = is_of_another(&content) else {
        return Ok(None);
    };
    // Between a page of the first recording and one of another.
    let (mut from, mut to) = (0, last + at);
    while to - from > PAGE_BYTES {
        let middle = from + (to - from) / 2;
        let content = blocks.read(middle..middle + 2 * PAGE_BYTES).await?;
        match is_of_another(&content) {
            Some(at) if middle + at < to => to = middle + at,
            Some(_) => break,
            None => from = middle,
        }
    }
    Ok(Some(to))
}

/// The streams that start with the first pages.
fn first_streams(content: &[u8]) -> Vec<u32> {
    let first = pages(content).take_while(|(_, page)| page.is_first);
    first
        .map(|(_, page)| page.stream)
        .take(MAX_STREAMS)
        .collect()
}

/// Where a stream starts behind other pages.
fn second_in(content: &[u8]) -> Option<usize> {
    let mut behind = pages(content).skip_while(|(_, page)| page.is_first);
    behind.find(|(_, page)| page.is_first).map(|(at, _)| at)
}

/// The pages in `content`, which is a part of a file, with their offsets.
fn pages(content: &[u8]) -> impl Iterator<Item = (usize, Page)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = content.get(at..)?;
            if let Some(page) = Page::of(rest) {
                let found = (at, page);
                at += page.bytes;
                return Some(found);
            }
            at += 1 + rest.get(1..)?.iter().position(|byte| *byte == b'O')?;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ogg::tests::page;

    #[test]
    fn a_stream_that_starts_behind_others_is_a_second_recording() {
        let (first, other) = (page(2, 7, 0), page(2, 8, 0));
        let more = page(0, 7, 1);
        let whole = [&first[..], &other, &more, &more].concat();
        assert_eq!(second_in(&whole), None);
        assert_eq!(first_streams(&whole), [7, 8]);
        let joined = [&whole[..], &page(2, 9, 0)].concat();
        assert_eq!(second_in(&joined), Some(whole.len()));
        // Junk between pages does not hide it.
        let joined = [&whole[..], b"OOggO", &page(2, 9, 0)].concat();
        assert_eq!(second_in(&joined), Some(whole.len() + 5));
    }
}

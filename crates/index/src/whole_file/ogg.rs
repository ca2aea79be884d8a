//! Ogg: pages with the number of their stream. Other streams behind the first ones are another recording.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::{Measured, SMALL_BYTES};
use crate::{
    error::IndexError,
    ogg::Page,
    search::{Dial, Reading, first_reading, restart},
};

/// Most streams of a recording, and how many bytes their first pages take at most.
const MAX_STREAMS: usize = 64;
const FIRST_PAGES_BYTES: u64 = 64 * 1024;

/// In how many bytes a page of the video is looked for. A page has 65,307 at most.
const PAGES_BYTES: u64 = 256 * 1024;

/// Looks for the first page of another recording.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let Some(second) = second_start(blocks, video).await? else {
        return Ok(());
    };
    Err(video.second_recording(second))
}

async fn second_start(blocks: &BlockCache, video: Measured<'_>) -> Result<Option<u64>, ReadError> {
    let bytes = blocks.reader().len();
    let streams = first_streams(&blocks.read(0..FIRST_PAGES_BYTES).await?);
    let of_video = streams.get(video.stream as usize).copied();
    // The number of the next page of the video; a page of another recording is before all of them.
    let number = |page: Page| {
        if Some(page.stream) == of_video {
            return Some(i64::from(page.number));
        }
        (!streams.contains(&page.stream)).then_some(-1)
    };
    let first_page = |content: &[u8]| {
        pages(content).find_map(|(place, page)| {
            let (offset, ticks) = (place as u64, number(page)?);
            Some(Reading { offset, ticks })
        })
    };
    let clock = |at| first_reading(blocks, at, &[PAGES_BYTES], first_page);
    let look = async |range: Range<u64>| {
        let content = blocks.read(range.start..range.end + PAGES_BYTES).await?;
        Ok(second_in(&content, &streams).map(|at| Reading {
            offset: range.start + at as u64,
            ticks: 0,
        }))
    };
    let dial = Dial {
        reach: PAGES_BYTES,
        tolerance: 0,
    };
    let found = if bytes <= SMALL_BYTES {
        look(0..bytes).await?
    } else {
        restart(bytes, dial, clock, look).await?
    };
    Ok(found.map(|place| place.offset))
}

/// The streams that start with the first pages.
fn first_streams(content: &[u8]) -> Vec<u32> {
    let first = pages(content).take_while(|(_, page)| page.is_first);
    first
        .map(|(_, page)| page.stream)
        .take(MAX_STREAMS)
        .collect()
}

/// Where another stream starts than the first ones, or one of them again.
fn second_in(content: &[u8], streams: &[u32]) -> Option<usize> {
    let is_own = |(_, page): &(usize, Page)| page.is_first && streams.contains(&page.stream);
    let mut others = pages(content).skip_while(is_own);
    let found = others.find(|(_, page)| page.is_first);
    found.map(|(at, _)| at)
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
        assert_eq!(second_in(&whole, &[7, 8]), None);
        assert_eq!(first_streams(&whole), [7, 8]);
        let joined = [&whole[..], &page(2, 9, 0)].concat();
        assert_eq!(second_in(&joined, &[7, 8]), Some(whole.len()));
        // Junk between pages does not hide it.
        let joined = [&whole[..], b"OOggO", &page(2, 9, 0)].concat();
        assert_eq!(second_in(&joined, &[7, 8]), Some(whole.len() + 5));
    }
}

//! MXF: the first partition says where the last one is, the footer.

use gifgen_reader::BlockCache;

use super::Measured;
use crate::{error::IndexError, numbers::big_endian};

/// Key of a partition, without its kind and state; SMPTE 377-1.
const PARTITION: [u8; 13] = [
    0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01, 0x01, 0x0d, 0x01, 0x02, 0x01, 0x01,
];

/// The kind of a partition that starts a file.
const HEADER_PARTITION: u8 = 2;

/// Bytes of a key, and of the longest size behind it.
const KEY_BYTES: usize = 16;
const SIZE_BYTES: usize = 9;

/// Where a partition names the footer, in bytes of its content.
const FOOTER_AT: usize = 24;

/// Most elements that are followed behind the footer.
const MAX_ELEMENTS: usize = 64;

/// A file that ends before its footer is truncated, and a header behind the footer starts another recording.
pub(super) async fn account_for(
    blocks: &BlockCache,
    video: Measured<'_>,
) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let head = blocks.read(0..256).await?;
    let Some(footer) = footer(&head) else {
        return Ok(());
    };
    // FFmpeg finds times by the index in the footer. Without it, it invents some up to the claimed end.
    if footer >= bytes {
        return Err(video.truncated(bytes, footer));
    }
    let mut at = footer;
    for _ in 0..MAX_ELEMENTS {
        let element = blocks
            .read(at..at + (KEY_BYTES + SIZE_BYTES) as u64)
            .await?;
        if is_header(&element) {
            return Err(video.second_recording(at));
        }
        let Some((start, size)) = content(&element) else {
            break;
        };
        at = at.saturating_add(start as u64).saturating_add(size);
    }
    Ok(())
}

fn is_header(element: &[u8]) -> bool {
    element.starts_with(&PARTITION) && element.get(13) == Some(&HEADER_PARTITION)
}

/// Where the footer starts, by the partition at the start of a file. `None` if it does not say so.
fn footer(head: &[u8]) -> Option<u64> {
    let (start, _) = content(head).filter(|_| is_header(head))?;
    let footer = head.get(start + FOOTER_AT..start + FOOTER_AT + 8)?;
    Some(big_endian(footer)).filter(|footer| *footer > 0)
}

/// Where the content of an element starts in it, and its size in bytes.
fn content(element: &[u8]) -> Option<(usize, u64)> {
    let first = *element.get(KEY_BYTES)?;
    let start = KEY_BYTES + 1;
    if first & 0x80 == 0 {
        return Some((start, u64::from(first)));
    }
    let length = usize::from(first & 0x7f);
    let size = element.get(start..start + length).filter(|_| length <= 8)?;
    Some((start + length, big_endian(size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_partition_names_the_footer() {
        let mut head = [&PARTITION[..], &[2, 4, 0, 0x83, 0, 0, 0x68], &[0; 24]].concat();
        head.extend(700_u64.to_be_bytes());
        assert_eq!(footer(&head), Some(700));
        for length in 0..head.len() {
            assert_eq!(footer(&head[..length]), None);
        }
        head[13] = 3;
        assert_eq!(footer(&head), None);
    }

    #[test]
    fn sizes_are_short_or_long() {
        let element = |size: &[u8]| [&[0; 16][..], size].concat();
        assert_eq!(content(&element(&[0x7f])), Some((17, 127)));
        assert_eq!(content(&element(&[0x82, 1, 0])), Some((19, 256)));
        assert_eq!(content(&element(&[0xff, 1, 0])), None);
    }
}

//! Flash video: its tags chain up to the end of the file.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::{SMALL_BYTES, second_recording, window::Window};
use crate::{
    error::IndexError,
    numbers::big_endian,
    search::{Dial, Reading, first_reading, restart},
};

/// The header of an FLV file, and of a tag in it.
const FLV: &[u8] = b"FLV\x01";
const FLV_TAG: u64 = 11;

/// FLV tags of video have this type.
const FLV_VIDEO: u8 = 9;

/// In how many bytes a picture is looked for, first and at last.
const PICTURE_BYTES: [u64; 2] = [128 * 1024, 2 * 1024 * 1024];

/// Times that run back by less are a muxer's fault, in ms.
const MAX_BACK: i64 = 1000;

/// Walks over the tags of a small FLV file, and of that part of a larger one in which its times run back.
pub(super) async fn account_for(blocks: &BlockCache) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let head = blocks.read(0..9).await?;
    let first = head.get(5..9).map_or(9, big_endian) + 4;
    let found = if bytes <= SMALL_BYTES {
        second(blocks, first..bytes).await?
    } else {
        let clock = |at: u64| first_reading(blocks, at.max(first), &PICTURE_BYTES, first_picture);
        let dial = Dial {
            reach: PICTURE_BYTES[0],
            tolerance: MAX_BACK,
        };
        restart(bytes, dial, clock, |range| second(blocks, range)).await?
    };
    let Some(Reading { offset, ticks }) = found else {
        return Ok(());
    };
    let seconds = ticks as f64 / 1e3;
    let start = blocks.read(offset..offset + FLV.len() as u64).await?;
    if start == FLV {
        return Err(second_recording(offset, seconds));
    }
    let why = "its times start again there: split the file";
    Err(IndexError::not_whole(offset, seconds, why))
}

/// Where a second recording starts in `range`, with the time before it.
async fn second(blocks: &BlockCache, range: Range<u64>) -> Result<Option<Reading>, ReadError> {
    let mut window = Window::new(blocks);
    let (mut at, mut latest) = (range.start, 0);
    // A picture runs back at the end of the range.
    while at <= range.end {
        let bytes = window.bytes(at..at + FLV_TAG + 2).await?;
        let tag = Tag::of(&bytes);
        let runs_back = tag.is_some_and(|tag| tag.is_picture && tag.ms < latest - MAX_BACK);
        if runs_back || bytes.starts_with(FLV) {
            return Ok(Some(Reading {
                offset: at,
                ticks: latest,
            }));
        }
        let Some(tag) = tag else { break };
        if tag.is_picture {
            latest = latest.max(tag.ms);
        }
        at += tag.bytes;
    }
    Ok(None)
}

/// The first picture in `content`, which may start within a tag, and its time in ms.
fn first_picture(content: &[u8]) -> Option<Reading> {
    let mut at = 0;
    while let Some(bytes) = content.get(at..).filter(|bytes| !bytes.is_empty()) {
        match Tag::of(bytes).filter(|tag| tag.ends_in(bytes)) {
            Some(tag) if tag.is_picture => {
                let (offset, ticks) = (at as u64, tag.ms);
                return Some(Reading { offset, ticks });
            }
            Some(tag) => at += tag.bytes as usize,
            None => at += 1,
        }
    }
    None
}

/// What a tag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag {
    ms: i64,
    /// Up to the next tag.
    bytes: u64,
    is_picture: bool,
}

impl Tag {
    /// Whether the tag at the start of `bytes` is followed by its size, as each is.
    fn ends_in(self, bytes: &[u8]) -> bool {
        let end = self.bytes as usize;
        let size = bytes.get(end - 4..end);
        size.is_some_and(|size| big_endian(size) + 4 == self.bytes)
    }

    /// The tag at the start of `bytes`. `None` if that is no tag.
    fn of(bytes: &[u8]) -> Option<Self> {
        let (head, content) = bytes.split_at_checked(FLV_TAG as usize)?;
        let [kind, _, _, _, a, b, c, high, 0, 0, 0] = *head else {
            return None;
        };
        let kind = kind & 0x1f;
        matches!(kind, 8 | FLV_VIDEO | 18).then(|| Self {
            ms: u32::from_be_bytes([high, a, b, c]).into(),
            bytes: FLV_TAG + big_endian(&head[1..4]) + 4,
            is_picture: kind == FLV_VIDEO && is_picture(content),
        })
    }
}

/// Whether the content of a video tag starts a picture. Headers of the sequence and commands have times that mean
/// nothing: recorders of live streams repeat headers at time 0.
fn is_picture(content: &[u8]) -> bool {
    let [first, second, ..] = *content else {
        return false;
    };
    // Enhanced RTMP has the kind of packet in the first byte, H.264 and HEVC in the second.
    let is_enhanced = first & 0x80 != 0;
    let is_command = first >> 4 & 7 == 5;
    let is_coded = match first & 0x0f {
        kind if is_enhanced => matches!(kind, 1 | 3),
        7 | 12 => second == 1,
        _ => true,
    };
    is_coded && !is_command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_found_behind_a_part_of_a_tag() {
        let tag = |kind, ms: u8, content: &[u8]| {
            let size = content.len() as u8;
            let head = [kind, 0, 0, size, 0, 0, ms, 0, 0, 0, 0];
            [&head[..], content, &[0, 0, 0, size + 11]].concat()
        };
        let (sound, picture) = (tag(8, 1, &[9; 20]), tag(9, 2, &[0x27, 1, 0]));
        let film = [&sound[5..], &sound, &sound, &picture, &sound].concat();
        let offset = 3 * sound.len() as u64 - 5;
        assert_eq!(first_picture(&film), Some(Reading { offset, ticks: 2 }));
    }

    #[test]
    fn headers_and_commands_are_no_pictures() {
        assert!(is_picture(&[0x17, 1]) && is_picture(&[0x22, 0]) && is_picture(&[0x91, b'h']));
        assert!(!is_picture(&[0x17, 0]) && !is_picture(&[0x17, 2]));
        assert!(!is_picture(&[0x90, b'h']) && !is_picture(&[0x52, 0]) && !is_picture(&[]));
    }
}

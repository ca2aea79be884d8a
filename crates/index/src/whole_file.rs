//! Whether a file holds more than the video that was measured: another recording behind it, or less than its header
//! claims.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};
use gifgen_shared::header::MISSING_SECONDS;

use crate::{error::IndexError, matroska::ebml::Header};

/// A file up to this size, in bytes, is looked through.
const SMALL_BYTES: u64 = 2 * 1024 * 1024;

/// How much is read at once, in bytes.
const STEP: u64 = 1024 * 1024;

/// The start of a Matroska file, behind the length of this element: its version and its kind.
const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];
const DOC_TYPES: [&[u8]; 2] = [b"\x42\x82\x84webm", b"\x42\x82\x88matroska"];

/// In how many bytes of a Matroska header its kind stands.
const EBML_BYTES: usize = 64;

/// The header of an FLV file, and of a tag in it.
const FLV: &[u8] = b"FLV\x01";
const FLV_TAG: u64 = 11;

/// The start of a pack of a program stream.
const PACK: [u8; 4] = [0, 0, 1, 0xba];

/// In how many places the clock of a long program stream is read, and how many bytes each time.
const SAMPLES: u64 = 8;
const SAMPLE_BYTES: u64 = 64 * 1024;

/// FLV tags of video have this type.
const FLV_VIDEO: u8 = 9;

/// Accounts for a file in the format `container` whose video lasts `length` seconds, where its header claims `claimed`.
///
/// # Errors
/// If another recording starts in it, or it breaks off before the claimed end; and if it cannot be read.
pub async fn account_for(
    blocks: &BlockCache,
    container: &str,
    claimed: Option<f64>,
    length: f64,
) -> Result<(), IndexError> {
    let missing = claimed.is_some_and(|claimed| claimed > length + MISSING_SECONDS);
    match container {
        "avi" if missing => avi(blocks, length).await,
        "flv" => flv(blocks, claimed, length).await,
        "matroska,webm" => matroska(blocks, length).await,
        "mpeg" => program_stream(blocks, length).await,
        _ => Ok(()),
    }
}

/// An AVI file says how long it is.
async fn avi(blocks: &BlockCache, length: f64) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let head = blocks.read(0..8).await?;
    let size = head.get(4..8).and_then(|size| size.try_into().ok());
    let claimed = size.map_or(0, |size| u64::from(u32::from_le_bytes(size)) + 8);
    if claimed <= bytes + 1 {
        return Ok(());
    }
    let why = format!("it is truncated, for it claims {claimed} bytes; upload it again");
    Err(IndexError::not_whole(bytes, length, why))
}

/// A second recording in a Matroska file starts with a header of its own.
async fn matroska(blocks: &BlockCache, length: f64) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let starts_file = |window: &[u8]| {
        window.starts_with(&EBML)
            && DOC_TYPES
                .iter()
                .any(|kind| window.windows(kind.len()).any(|part| part == *kind))
    };
    if bytes > SMALL_BYTES {
        // The segment says where it ends, if its size is known.
        let Some(end) = segment_end(blocks).await?.filter(|end| *end < bytes) else {
            return Ok(());
        };
        let next = blocks.read(end..end + EBML_BYTES as u64).await?;
        return if starts_file(&next) {
            Err(second_recording(end, length))
        } else {
            Ok(())
        };
    }
    let content = blocks.read(0..bytes).await?;
    let mut starts = content.windows(EBML_BYTES).enumerate().skip(EBML_BYTES);
    match starts.find(|(_, window)| starts_file(window)) {
        Some((offset, _)) => Err(second_recording(offset as u64, length)),
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

/// A second recording in a program stream starts its clock again, and so do the cells of a DVD.
async fn program_stream(blocks: &BlockCache, length: f64) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let mut latest: Option<(u64, f64)> = None;
    let first = system_clock(&blocks.read(0..STEP.min(bytes)).await?);
    let first = first.map_or(0.0, |(_, clock)| clock);
    let parts = if bytes <= SMALL_BYTES { 1 } else { SAMPLES };
    for part in 0..parts {
        let from = bytes / parts * part;
        let length_of_part = if parts == 1 { bytes } else { SAMPLE_BYTES };
        let content = blocks.read(from..from + length_of_part).await?;
        let mut at = 0;
        while let Some((place, clock)) = content.get(at..).and_then(system_clock) {
            let offset = from + (at + place) as u64;
            if let Some((before, last)) = latest
                && clock < last - MISSING_SECONDS
            {
                let second = (last - first).clamp(0.0, length.max(0.0));
                let why = "its clock starts again behind there: split the file";
                return Err(IndexError::not_whole(before, second, why));
            }
            latest = Some((offset, clock));
            at += place + 4;
        }
    }
    Ok(())
}

/// The first clock (SCR) in `bytes`, in seconds, and where its pack starts.
fn system_clock(bytes: &[u8]) -> Option<(usize, f64)> {
    let packs = bytes.windows(9).enumerate();
    let mut clocks = packs
        .filter(|(_, pack)| pack.starts_with(&PACK))
        .filter_map(|(at, pack)| {
            let [a, b, c, d, e] = *pack.get(4..9)? else {
                return None;
            };
            let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
            let ticks = if a & 0xc4 == 0x44 {
                (a >> 3 & 7) << 30
                    | (a & 3) << 28
                    | b << 20
                    | (c >> 3) << 15
                    | (c & 3) << 13
                    | d << 5
                    | e >> 3
            } else if a & 0xf1 == 0x21 {
                (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1
            } else {
                return None;
            };
            Some((at, ticks as f64 / 90_000.0))
        });
    clocks.next()
}

/// Walks over the tags of an FLV file, if it is small or its last tag is earlier than it should be.
async fn flv(blocks: &BlockCache, claimed: Option<f64>, length: f64) -> Result<(), IndexError> {
    let bytes = blocks.reader().len();
    let expected = claimed.unwrap_or(length).min(length) - MISSING_SECONDS;
    if bytes > SMALL_BYTES && last_tag(blocks).await?.is_none_or(|last| last >= expected) {
        return Ok(());
    }
    let mut window = Window::new(blocks);
    let head = window.bytes(0..9).await?;
    let mut at = head.get(5..9).map_or(9, big_endian) + 4;
    let mut latest = 0.0_f64;
    while at + FLV_TAG <= bytes {
        let tag = window.bytes(at..at + FLV_TAG).await?;
        if tag.starts_with(FLV) {
            return Err(second_recording(at, latest));
        }
        let Some(time) = tag_seconds(&tag) else { break };
        let size = tag.get(1..4).map_or(0, big_endian);
        let is_video = tag.first().is_some_and(|kind| kind & 0x1f == FLV_VIDEO);
        if is_video && time < latest - MISSING_SECONDS {
            let why = "its times start again there: split the file";
            return Err(IndexError::not_whole(at, latest, why));
        }
        if is_video {
            latest = latest.max(time);
        }
        at += FLV_TAG + size + 4;
    }
    Ok(())
}

/// The time of the last tag of an FLV file, in seconds. `None` if the file does not end with a tag.
async fn last_tag(blocks: &BlockCache) -> Result<Option<f64>, ReadError> {
    let bytes = blocks.reader().len();
    let end = blocks.read(bytes.saturating_sub(4)..bytes).await?;
    let Some(start) = bytes.checked_sub(big_endian(&end) + 4) else {
        return Ok(None);
    };
    Ok(tag_seconds(&blocks.read(start..start + FLV_TAG).await?))
}

/// The time of an FLV tag, in seconds. `None` if it is no tag.
fn tag_seconds(tag: &[u8]) -> Option<f64> {
    let [kind, _, _, _, a, b, c, high, 0, 0, 0] = *tag else {
        return None;
    };
    let ms = u32::from_be_bytes([high, a, b, c]);
    matches!(kind & 0x1f, 8 | 9 | 18).then(|| f64::from(ms) / 1e3)
}

fn second_recording(offset: u64, second: f64) -> IndexError {
    IndexError::not_whole(
        offset,
        second,
        "a second recording starts there: split the file",
    )
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Small reads that go forward.
struct Window<'a> {
    blocks: &'a BlockCache,
    start: u64,
    content: bytes::Bytes,
}

impl<'a> Window<'a> {
    fn new(blocks: &'a BlockCache) -> Self {
        Self {
            blocks,
            start: 0,
            content: bytes::Bytes::new(),
        }
    }

    /// The bytes in `range`, or what there is of them.
    async fn bytes(&mut self, range: Range<u64>) -> Result<bytes::Bytes, ReadError> {
        let end = self.start + self.content.len() as u64;
        if range.start < self.start || range.end > end {
            let reader = self.blocks.reader();
            self.content = if reader.len() <= SMALL_BYTES {
                self.blocks.read(range.start..range.start + STEP).await?
            } else {
                reader.read(range.start..range.start + STEP).await?
            };
            self.start = range.start;
        }
        let from = ((range.start - self.start) as usize).min(self.content.len());
        let to = ((range.end - self.start) as usize).min(self.content.len());
        Ok(self.content.slice(from..to))
    }
}

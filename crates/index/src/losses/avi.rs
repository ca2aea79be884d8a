//! Pictures that the index of an AVI names, and that are not where it says.

use std::ops::Range;

use bytes::Bytes;
use gifgen_reader::{BlockCache, ReadError};

/// Longest list of headers, in bytes.
const MAX_HEADERS: u64 = 1024 * 1024;

/// Longest index, in bytes: eight hours at 60 pictures a second, with sound.
const MAX_INDEX: u64 = 64 * 1024 * 1024;

/// Most chunks between the headers and the index.
const MAX_CHUNKS: usize = 64;

/// Bytes of an entry of the index.
const ENTRY_BYTES: usize = 16;

/// Flag of an entry that is a keyframe.
const KEYFRAME: u32 = 0x10;

/// Most pictures that are looked for: 900 s at 240 a second.
const MAX_PICTURES: usize = 250_000;

/// The first range in `seconds` of the video, the stream `index`, in which a picture that the index of the
/// file names is not there. `None` if nothing is lost, or if the file has no index that can be trusted.
///
/// # Errors
/// If the source cannot be read.
pub async fn avi_loss(
    blocks: &BlockCache,
    index: u32,
    seconds: Range<f64>,
) -> Result<Option<Range<f64>>, ReadError> {
    let Some(file) = AviFile::read(blocks, index).await? else {
        return Ok(None);
    };
    let from = (seconds.start / file.picture_seconds) as usize;
    let to = (seconds.end / file.picture_seconds).ceil() as usize;
    let to = to.min(file.pictures.len());
    let Some(before) = file.pictures.get(..=from) else {
        return Ok(None);
    };
    let keyframe = before.iter().rposition(|entry| entry.is_keyframe);
    let from = keyframe.unwrap_or(0);
    let Some(wanted) = file.pictures.get(from..to.min(from + MAX_PICTURES)) else {
        return Ok(None);
    };
    let mut found = Vec::with_capacity(wanted.len());
    for entry in wanted {
        let header = blocks.read(entry.offset..entry.offset + 8).await?;
        found.push(entry.bytes == 0 || entry.is_at(&header));
    }
    // An index whose offsets are all wrong says nothing.
    if found.iter().filter(|found| **found).count() * 2 < found.len()
        && !is_there(&file, blocks).await?
    {
        return Ok(None);
    }
    let time = |n: usize| (from + n) as f64 * file.picture_seconds;
    let Some(first) = found.iter().position(|found| !found) else {
        return Ok(None);
    };
    let rest = found[first..].iter().position(|found| *found);
    let end = rest.map_or(to, |rest| from + first + rest) as f64 * file.picture_seconds;
    // What is lost before the slice displaces all that follows.
    let end = if end > seconds.start {
        end.min(seconds.end)
    } else {
        seconds.end
    };
    Ok(Some(time(first).max(seconds.start)..end))
}

/// Whether the first pictures of the file are where the index says.
async fn is_there(file: &AviFile, blocks: &BlockCache) -> Result<bool, ReadError> {
    for entry in file.pictures.iter().filter(|entry| entry.bytes > 0).take(2) {
        let header = blocks.read(entry.offset..entry.offset + 8).await?;
        if !entry.is_at(&header) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What the headers and the index say of the video.
struct AviFile {
    /// Duration of a picture, in seconds.
    picture_seconds: f64,
    /// Its pictures by their numbers.
    pictures: Vec<Entry>,
}

/// An entry of the index.
struct Entry {
    id: [u8; 4],
    is_keyframe: bool,
    /// Where its chunk starts in the file.
    offset: u64,
    /// Bytes of its data. 0 is a picture as before.
    bytes: u32,
}

impl Entry {
    fn is_at(&self, header: &[u8]) -> bool {
        header.get(..3) == Some(&self.id[..3]) && number(header, 4) == Some(self.bytes)
    }
}

impl AviFile {
    async fn read(blocks: &BlockCache, stream: u32) -> Result<Option<Self>, ReadError> {
        let start = blocks.read(0..12).await?;
        if !start.starts_with(b"RIFF") || !start.ends_with(b"AVI ") {
            return Ok(None);
        }
        let (mut rate, mut movi) = (None, None);
        let mut at = 12;
        for _ in 0..MAX_CHUNKS {
            let header = blocks.read(at..at + 12).await?;
            let (Some(id), Some(bytes)) = (header.get(..4), number(&header, 4)) else {
                break;
            };
            let (data, bytes) = (at + 8, u64::from(bytes));
            match (id, header.get(8..12)) {
                (b"LIST", Some(b"hdrl")) => {
                    let headers = blocks.read(data + 4..data + bytes.min(MAX_HEADERS)).await?;
                    rate = picture_seconds(&headers, stream);
                }
                (b"LIST", Some(b"movi")) => movi = Some(data),
                (b"idx1", _) => {
                    let index = blocks.read(data..data + bytes.min(MAX_INDEX)).await?;
                    let (Some(picture_seconds), Some(movi)) = (rate, movi) else {
                        break;
                    };
                    return Ok(Some(Self {
                        picture_seconds,
                        pictures: entries(&index, stream, movi),
                    }));
                }
                _ => {}
            }
            at = data + bytes + bytes % 2;
        }
        Ok(None)
    }
}

/// The duration of a picture of the stream, by its header in the list `headers`.
fn picture_seconds(headers: &[u8], stream: u32) -> Option<f64> {
    let mut at = 0;
    let mut lists = 0;
    loop {
        let (id, bytes) = (headers.get(at..at + 4)?, number(headers, at + 4)? as usize);
        if id == b"LIST" && headers.get(at + 8..at + 12)? == b"strl" {
            if lists == stream {
                let header = headers.get(at + 12..)?;
                let (scale, rate) = (number(header, 8 + 20)?, number(header, 8 + 24)?);
                let is_video = header.get(..4)? == b"strh" && header.get(8..12)? == b"vids";
                let is_possible = is_video && scale > 0 && rate > 0;
                return is_possible.then(|| f64::from(scale) / f64::from(rate));
            }
            lists += 1;
        }
        at = at
            .checked_add(8)?
            .checked_add(bytes)?
            .checked_add(bytes % 2)?;
    }
}

/// The pictures of the stream. Offsets count from `movi`, or from the start of the file.
fn entries(index: &Bytes, stream: u32, movi: u64) -> Vec<Entry> {
    let tens = |n: u32| b'0' + (n % 10) as u8;
    let number_of_stream = [tens(stream / 10), tens(stream)];
    let first = index.get(8..12).and_then(|_| number(index, 8));
    let is_from_movi = first.is_some_and(|first| u64::from(first) < movi);
    let base = if is_from_movi { movi } else { 0 };
    let entry = |bytes: &[u8]| {
        let id: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
        let is_picture = id[..2] == number_of_stream && matches!(&id[2..], b"dc" | b"db");
        is_picture.then_some(Entry {
            id,
            is_keyframe: number(bytes, 4)? & KEYFRAME != 0,
            offset: base + u64::from(number(bytes, 8)?),
            bytes: number(bytes, 12)?,
        })
    };
    index.chunks_exact(ENTRY_BYTES).filter_map(entry).collect()
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}

//! AVI files: what the headers say of the video, and the index.

use std::ops::Range;

use bytes::Bytes;
use gifgen_reader::{BlockCache, ReadError};
use serde::{Deserialize, Serialize};

use crate::numbers::little_endian_32;

/// Longest list of headers, in bytes.
const MAX_HEADERS: u64 = 1024 * 1024;

/// Longest index, in bytes: eight hours at 60 pictures a second, with sound.
const MAX_INDEX: u64 = 64 * 1024 * 1024;

/// Most chunks between the headers and the index.
const MAX_CHUNKS: usize = 64;

/// Most `RIFF` chunks of one file: OpenDML starts a new one after 1 GB or 2 GB.
const MAX_RIFFS: usize = 4096;

/// Sizes of a chunk that is not finished.
const UNFINISHED: [u32; 2] = [0, u32::MAX];

/// Bytes of an entry of the index.
const ENTRY_BYTES: usize = 16;

/// Flag of an entry that is a keyframe.
const KEYFRAME: u32 = 0x10;

/// What the headers of an AVI file say of its video.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AviFile {
    /// The number of the video among the streams.
    stream: u32,
    /// Duration of a picture, in seconds.
    pub picture_seconds: f64,
    /// Number of the video's pictures, as its header claims.
    pub claimed_pictures: u32,
    /// How many pictures' time passes before the first one.
    pub first_picture: u32,
    /// Which program wrote the pictures, as a code of four characters.
    pub handler: [u8; 4],
    /// The codec (`strf`): a `BITMAPINFOHEADER`, and what its decoder needs to know.
    pub format: Vec<u8>,
    /// Where the list with the pictures starts, behind its size.
    movi: u64,
    /// The data of the index (`idx1`), if it comes within the first `RIFF`.
    index: Option<Range<u64>>,
}

/// A picture in the index.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    id: [u8; 4],
    pub is_keyframe: bool,
    /// Where its chunk starts in the file.
    pub offset: u64,
    /// Bytes of its data. 0 is a picture as before.
    pub bytes: u32,
}

/// Bytes of the header of a chunk.
pub(crate) const HEADER_BYTES: u64 = 8;

impl Entry {
    /// Whether `header`, the eight bytes at its offset, is that of its chunk. Some writers count the padding of odd
    /// sizes.
    pub(crate) fn is_at(&self, header: &[u8]) -> bool {
        let is_as_long =
            little_endian_32(header, 4).is_some_and(|bytes| bytes.abs_diff(self.bytes) <= 1);
        header.get(..3) == Some(&self.id[..3]) && is_as_long
    }

    /// The picture in `bytes`, which start at its offset, if its chunk and the header of another one behind it are there.
    pub(crate) fn picture<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let length = little_endian_32(bytes, 4).filter(|_| self.is_at(bytes))? as usize;
        let (picture, behind) = bytes
            .get(HEADER_BYTES as usize..)?
            .split_at_checked(length)?;
        is_chunk(behind.get(length % 2..)?).then_some(picture)
    }

    /// Where its chunk is in the file, with the header of the next one.
    pub(crate) fn range(&self) -> Range<u64> {
        // A size may lack the padding, or have it in it.
        let length = HEADER_BYTES + u64::from(self.bytes) + 2 + HEADER_BYTES;
        self.offset..self.offset.saturating_add(length)
    }
}

/// Whether `bytes` start with the header of a chunk of pictures or sound, or of one that may be between them.
fn is_chunk(bytes: &[u8]) -> bool {
    let [a, b, c, d, _, _, _, _, ..] = *bytes else {
        return false;
    };
    let is_of_stream = a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_lowercase();
    let between = [*b"LIST", *b"JUNK", *b"idx1"].contains(&[a, b, c, d]);
    is_of_stream && d.is_ascii_lowercase() || between || [a, b] == *b"ix"
}

impl AviFile {
    /// Reads the headers of the video, the stream numbered `stream`. `None` if there are none.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn read(blocks: &BlockCache, stream: u32) -> Result<Option<Self>, ReadError> {
        let start = blocks.read(0..12).await?;
        if !start.starts_with(b"RIFF") || !start.ends_with(b"AVI ") {
            return Ok(None);
        }
        let (mut said, mut movi) = (None, None);
        let mut at = 12;
        for _ in 0..MAX_CHUNKS {
            let header = blocks.read(at..at + 12).await?;
            let (Some(id), Some(bytes)) = (header.get(..4), little_endian_32(&header, 4)) else {
                break;
            };
            let (data, bytes) = (at + 8, u64::from(bytes));
            match (id, header.get(8..12)) {
                (b"LIST", Some(b"hdrl")) => {
                    let headers = blocks.read(data + 4..data + bytes.min(MAX_HEADERS)).await?;
                    said = video(&headers, stream);
                }
                (b"LIST", Some(b"movi")) => movi = Some(data),
                (b"idx1", _) => {
                    let file = Self::of(said, movi);
                    let index = Some(data..data + bytes.min(MAX_INDEX));
                    return Ok(file.map(|file| Self { index, ..file }));
                }
                _ => {}
            }
            at = data + bytes + bytes % 2;
        }
        Ok(Self::of(said, movi))
    }

    #[cfg(test)]
    pub(crate) fn for_tests(format: Vec<u8>, handler: [u8; 4]) -> Self {
        Self {
            stream: 0,
            picture_seconds: 0.1,
            claimed_pictures: 1,
            first_picture: 0,
            handler,
            format,
            movi: 0,
            index: None,
        }
    }

    /// What the headers `said`, with the list of pictures at `movi`.
    fn of(said: Option<Self>, movi: Option<u64>) -> Option<Self> {
        Some(Self {
            movi: movi?,
            ..said?
        })
    }

    /// The pictures of the video by their numbers, as the index lists them. `None` if there is no index.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn pictures(
        &self,
        blocks: &BlockCache,
    ) -> Result<Option<Vec<Entry>>, ReadError> {
        let Some(index) = self.index.clone() else {
            return Ok(None);
        };
        let index = blocks.read(index).await?;
        Ok(Some(entries(&index, self.stream, self.movi)))
    }
}

/// What the `RIFF` chunks of a file account for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunks {
    /// One is not finished, as in a live recording.
    Unfinished,
    /// The last one claims to end here.
    EndAt(u64),
    /// Another file starts here.
    SecondFile(u64),
}

/// Follows the `RIFF` chunks of a file.
///
/// # Errors
/// If the source cannot be read.
pub(crate) async fn chunks(blocks: &BlockCache) -> Result<Chunks, ReadError> {
    let mut at = 0;
    for _ in 0..MAX_RIFFS {
        let header = blocks.read(at..at + 12).await?;
        if header.len() < 12 || !header.starts_with(b"RIFF") {
            break;
        }
        // OpenDML continues with chunks of the kind `AVIX`.
        if at > 0 && header.ends_with(b"AVI ") {
            return Ok(Chunks::SecondFile(at));
        }
        let size = little_endian_32(&header, 4).filter(|size| !UNFINISHED.contains(size));
        let Some(size) = size.map(u64::from) else {
            return Ok(Chunks::Unfinished);
        };
        at += 8 + size + size % 2;
    }
    Ok(Chunks::EndAt(at))
}

/// What the list `headers` says of the video, the stream numbered `stream`.
fn video(headers: &[u8], stream: u32) -> Option<AviFile> {
    let lists = chunks_in(headers).filter(|(id, list)| *id == b"LIST" && list.starts_with(b"strl"));
    let (_, list) = lists.into_iter().nth(usize::try_from(stream).ok()?)?;
    let list = list.get(4..)?;
    let (id, header) = chunks_in(list).next()?;
    let (scale, rate) = (little_endian_32(header, 20)?, little_endian_32(header, 24)?);
    let is_video = id == b"strh" && header.starts_with(b"vids");
    if !is_video || scale == 0 || rate == 0 {
        return None;
    }
    let format = chunks_in(list).find(|(id, _)| *id == b"strf");
    Some(AviFile {
        stream,
        picture_seconds: f64::from(scale) / f64::from(rate),
        claimed_pictures: little_endian_32(header, 32)?,
        first_picture: little_endian_32(header, 28)?,
        handler: *header.get(4..)?.first_chunk()?,
        format: format.map_or(Vec::new(), |(_, format)| format.to_vec()),
        movi: 0,
        index: None,
    })
}

/// The chunks in `list`, each with its id. The last one may be cut off.
fn chunks_in(list: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        let (id, bytes) = (list.get(at..at + 4)?, little_endian_32(list, at + 4)?);
        let start = at + 8;
        let end = start.checked_add(bytes as usize)?.min(list.len());
        at = end.checked_add(bytes as usize % 2)?;
        Some((id, list.get(start..end)?))
    })
}

/// The pictures of the stream. Offsets count from `movi`, or from the start of the file.
fn entries(index: &Bytes, stream: u32, movi: u64) -> Vec<Entry> {
    let tens = |n: u32| b'0' + (n % 10) as u8;
    let number_of_stream = [tens(stream / 10), tens(stream)];
    let first = index.get(8..12).and_then(|_| little_endian_32(index, 8));
    let is_from_movi = first.is_some_and(|first| u64::from(first) < movi);
    let base = if is_from_movi { movi } else { 0 };
    let entry = |bytes: &[u8]| {
        let id: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
        // FFmpeg counts any chunk of the stream but changes of the palette.
        let is_picture = id[..2] == number_of_stream && &id[2..] != b"pc";
        is_picture.then_some(Entry {
            id,
            is_keyframe: little_endian_32(bytes, 4)? & KEYFRAME != 0,
            offset: base + u64::from(little_endian_32(bytes, 8)?),
            bytes: little_endian_32(bytes, 12)?,
        })
    };
    index.chunks_exact(ENTRY_BYTES).filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The headers of one stream, a video of ten pictures a second.
    fn headers(pictures: u32) -> Vec<u8> {
        let mut strh = [0; 56];
        strh[..4].copy_from_slice(b"vids");
        strh[20..24].copy_from_slice(&1_u32.to_le_bytes());
        strh[24..28].copy_from_slice(&10_u32.to_le_bytes());
        strh[32..36].copy_from_slice(&pictures.to_le_bytes());
        let strh = [b"strh", &56_u32.to_le_bytes()[..], &strh].concat();
        let size = (strh.len() as u32 + 4).to_le_bytes();
        [b"LIST", &size[..], b"strl", &strh].concat()
    }

    #[test]
    fn the_header_of_the_stream_tells_its_rate_and_number_of_pictures() {
        let whole = headers(120);
        let of_ten = video(&whole, 0).unwrap();
        assert_eq!(
            (of_ten.picture_seconds, of_ten.claimed_pictures),
            (0.1, 120)
        );
        assert_eq!(video(&whole, 1), None);
        for length in 0..whole.len() {
            assert!(video(&whole[..length], 0).is_none_or(|video| video.claimed_pictures == 120));
        }
    }

    #[test]
    fn only_pictures_of_the_stream_are_entries() {
        let entry = |id: &[u8; 4], at: u32| {
            let numbers = [KEYFRAME, at, 7].map(u32::to_le_bytes).concat();
            [&id[..], &numbers].concat()
        };
        let index = [entry(b"00dc", 4), entry(b"01wb", 20), entry(b"00db", 36)].concat();
        let index = [index, entry(b"00pc", 44)].concat();
        let found = entries(&Bytes::from(index), 0, 1000);
        let offsets: Vec<u64> = found.iter().map(|entry| entry.offset).collect();
        assert_eq!(offsets, [1004, 1036]);
        assert!(found[0].is_at(b"00dc\x07\0\0\0") && !found[0].is_at(b"JUNK\x07\0\0\0"));
    }
}

//! Reads a source without an index forwards, picture by picture, with one request.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use gifgen_reader::{RangeStream, ReadError, Reader};

use super::pictures::{Cut, Picture, Pictures};

/// New bytes are searched for pictures when there are so many. More would be read in vain behind a keyframe, and fewer
/// would be searched more often.
const PIECE_BYTES: usize = 32 * 1024;

/// Most bytes that are kept: a cluster, or a keyframe.
const MAX_KEPT_BYTES: usize = 64 * 1024 * 1024;

/// The pictures of a source from an offset on. The request ends when it is dropped.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pictures: &'a Pictures,
    stream: RangeStream,
    /// Where `bytes` start in the source.
    start: u64,
    bytes: Vec<u8>,
    /// The pictures that are complete and not passed yet.
    seen: VecDeque<Picture>,
    /// All pictures before this are passed.
    passed: u64,
    is_end: bool,
    /// No more is read from this offset on.
    limit: u64,
}

impl<'a> Walk<'a> {
    /// Reads `range`, which starts where a read may start.
    pub(super) fn new(reader: &Arc<Reader>, pictures: &'a Pictures, range: Range<u64>) -> Self {
        Self {
            pictures,
            start: range.start,
            passed: range.start,
            stream: reader.stream(range),
            bytes: Vec::new(),
            seen: VecDeque::new(),
            is_end: false,
            limit: u64::MAX,
        }
    }

    /// Lets it read `bytes` more, and a piece.
    pub(super) fn allow(&mut self, bytes: u64) {
        self.limit = self.end().saturating_add(bytes);
    }

    /// Where the bytes that were read end.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Whether all was read. If not, but there is no next picture, there is none in the bytes that are allowed.
    pub(super) fn is_end(&self) -> bool {
        self.is_end
    }

    /// The next picture, when all of it is read.
    pub(super) async fn peek(&mut self) -> Result<Option<Picture>, ReadError> {
        loop {
            if let Some(picture) = self.seen.front() {
                return Ok(Some(*picture));
            }
            let is_enough = self.end() >= self.limit || self.bytes.len() > MAX_KEPT_BYTES;
            if self.is_end || is_enough {
                return Ok(None);
            }
            self.read_on().await?;
        }
    }

    /// Passes the picture that [`Self::peek`] gave.
    pub(super) fn pass(&mut self) {
        if let Some(picture) = self.seen.pop_front() {
            self.passed = picture.offset + 1;
        }
    }

    /// What FFmpeg needs of the picture that [`Self::peek`] gave. `None` if it is damaged.
    pub(super) fn cut(&self) -> Option<Vec<u8>> {
        let picture = self.seen.front()?;
        match self
            .pictures
            .cut(&self.bytes, self.start, picture, self.is_end)
        {
            Cut::Whole(data) => Some(data),
            Cut::Short | Cut::Damaged => None,
        }
    }

    /// Reads a piece, and sees which pictures it completes.
    async fn read_on(&mut self) -> Result<(), ReadError> {
        let mut read = 0;
        while read < PIECE_BYTES {
            let Some(piece) = self.stream.next().await? else {
                self.is_end = true;
                break;
            };
            read += piece.len();
            self.bytes.extend_from_slice(&piece);
        }
        let (found, kept) = self.pictures.seen(&self.bytes, self.start);
        let last = found.len().saturating_sub(1);
        for (place, picture) in found.into_iter().enumerate() {
            let is_complete = place < last || self.is_end || self.is_whole(&picture);
            if picture.offset >= self.passed && is_complete {
                self.seen.push_back(picture);
                self.passed = picture.offset + 1;
            }
        }
        // A picture that is not passed is not cut off.
        let first = self.seen.front().map_or(u64::MAX, |first| first.offset);
        let unneeded = kept.min(first).saturating_sub(self.start) as usize;
        self.start += unneeded as u64;
        self.bytes.drain(..unneeded.min(self.bytes.len()));
        Ok(())
    }

    /// Whether the last picture that was seen is complete. In a transport stream the next one tells.
    fn is_whole(&self, picture: &Picture) -> bool {
        let tells_its_size = matches!(self.pictures, Pictures::Matroska { .. });
        tells_its_size
            && !matches!(
                self.pictures.cut(&self.bytes, self.start, picture, false),
                Cut::Short
            )
    }
}

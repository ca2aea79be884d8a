//! The description of a film (`moov`). That of a day has 140 MB of sample tables; of a long one only those of the track
//! in question are read, and they are let go of as they are walked.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;
use gifgen_reader::{BlockCache, ReadError};

use super::boxes::{HEADER, Header, none, number, only};
use crate::error::IndexError;

/// Up to this length, in bytes, a `moov` is read as a whole, with one request: that of three hours and sound.
const SHORT: u64 = 32 * 1024 * 1024;

/// Longest `moov` of which a part is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// Longer boxes in a long `moov` are left out of its skeleton, in bytes.
const LARGE: u64 = 1024 * 1024;

/// Longest skeleton of a long `moov`, in bytes.
const MAX_SKELETON: usize = 16 * 1024 * 1024;

/// Most boxes of a long `moov`, each of which may cost a request.
const MAX_BOXES: u32 = 400;

/// Most bytes of all large tables: those of 29 hours at 60 pictures a second.
const MAX_TABLE_BYTES: u64 = 128 * 1024 * 1024;

/// What is kept of a large box in the skeleton: its version, and its counts.
const STUB: u64 = 12;

/// How much of a large table is one piece, in bytes: whole entries of 4, 8 and 12 bytes.
const PIECE: u64 = 24 * 32 * 1024;

/// Boxes that hold others.
const PARENTS: [&[u8; 4]; 4] = [b"trak", b"mdia", b"minf", b"stbl"];

/// The tables of samples.
const TABLES: [&[u8; 4]; 7] = [
    b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64",
];

/// The description of a film.
#[derive(Debug, Default)]
pub(super) struct Moov {
    /// The content of the box. In place of large boxes it has stubs.
    pub(super) content: Bytes,
    /// The entries of the large tables of the track in question.
    large: Vec<([u8; 4], VecDeque<Bytes>)>,
}

/// The entries of a table, each of so many numbers. Its pieces are let go of as they are walked.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries<const NUMBERS: usize> {
    pieces: VecDeque<Bytes>,
    /// How many of the first piece were given.
    given: usize,
}

impl Moov {
    /// One that is in memory as a whole.
    pub(super) fn whole(content: Bytes) -> Self {
        Self {
            content,
            large: Vec::new(),
        }
    }

    /// Reads the one with its content in `range`, for the track that is FFmpeg's stream `index`.
    pub(super) async fn read(
        blocks: &BlockCache,
        range: Range<u64>,
        index: u32,
    ) -> Result<Self, IndexError> {
        let length = range.end - range.start;
        if length <= SHORT {
            return Ok(Self::whole(blocks.read(range).await?));
        }
        if length > MAX_BYTES {
            return Err(none("the description is too long"));
        }
        let mut reading = Reading {
            blocks,
            index,
            skeleton: Vec::new(),
            boxes: 0,
            traks: 0,
            tables: Vec::new(),
        };
        reading.boxes_in(range, false).await?;
        let total: u64 = reading
            .tables
            .iter()
            .map(|(_, table)| table.end - table.start)
            .sum();
        if total > MAX_TABLE_BYTES {
            return Err(none("the tables of samples are too long"));
        }
        let mut large = Vec::new();
        for (kind, table) in reading.tables {
            large.push((kind, pieces(blocks, table).await?));
        }
        Ok(Self {
            content: reading.skeleton.into(),
            large,
        })
    }

    /// The entries of the table `kind` in `stbl`, a part of the content. `None` if there is no such table.
    pub(super) fn entries<const NUMBERS: usize>(
        &mut self,
        stbl: &[u8],
        kind: &[u8; 4],
    ) -> Result<Option<Entries<NUMBERS>>, IndexError> {
        let Some(table) = only(stbl, kind)? else {
            return Ok(None);
        };
        let head = head_of(kind);
        let count = number(table.body, head - 4).unwrap_or(0) as usize;
        let length = count.saturating_mul(4 * NUMBERS);
        let pieces = match self.large.iter().position(|(large, _)| large == kind) {
            Some(large) => self.large.swap_remove(large).1,
            None => VecDeque::from([self
                .content
                .slice_ref(table.body.get(head..).unwrap_or_default())]),
        };
        Entries::of(pieces, length).map(Some)
    }
}

impl<const NUMBERS: usize> Entries<NUMBERS> {
    /// The first `length` bytes of `pieces`.
    fn of(mut pieces: VecDeque<Bytes>, length: usize) -> Result<Self, IndexError> {
        let mut left = length;
        for piece in &mut pieces {
            piece.truncate(left);
            left -= piece.len();
        }
        if left > 0 {
            return Err(none("a table is cut off"));
        }
        Ok(Self { pieces, given: 0 })
    }
}

impl<const NUMBERS: usize> Iterator for Entries<NUMBERS> {
    type Item = [u32; NUMBERS];

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let piece = self.pieces.front()?;
            let (numbers, _) = piece.as_chunks::<4>();
            let start = self.given * NUMBERS;
            if let Some(entry) = numbers.get(start..start + NUMBERS) {
                self.given += 1;
                return Some(std::array::from_fn(|index| {
                    u32::from_be_bytes(entry[index])
                }));
            }
            self.pieces.pop_front();
            self.given = 0;
        }
    }
}

/// What has been read of a long `moov`.
struct Reading<'a> {
    blocks: &'a BlockCache,
    /// The track in question.
    index: u32,
    skeleton: Vec<u8>,
    boxes: u32,
    traks: u32,
    /// Its large tables, and where their entries are in the source.
    tables: Vec<([u8; 4], Range<u64>)>,
}

impl Reading<'_> {
    /// Adds the boxes in `range`. `is_wanted` tells whether they are in the track in question.
    async fn boxes_in(&mut self, range: Range<u64>, is_wanted: bool) -> Result<(), IndexError> {
        let mut at = range.start;
        while at < range.end {
            self.boxes += 1;
            if self.boxes > MAX_BOXES {
                return Err(none("the description has too many boxes"));
            }
            let head = self.blocks.read(at..(at + HEADER).min(range.end)).await?;
            let Some(header) = Header::parse(&head) else {
                break;
            };
            let end = header.end(at, range.end);
            // As where the whole is parsed, what is cut off does not count.
            if end > range.end {
                break;
            }
            let start = self.skeleton.len();
            self.skeleton.extend_from_slice(&[0; 4]);
            self.skeleton.extend_from_slice(&header.kind);
            let content = at + header.len..end;
            if PARENTS.contains(&&header.kind) {
                let is_trak = header.kind == *b"trak";
                let is_wanted = is_wanted || (is_trak && self.traks == self.index);
                self.traks += u32::from(is_trak);
                Box::pin(self.boxes_in(content, is_wanted)).await?;
            } else if end - at <= LARGE {
                let content = self.blocks.read(content).await?;
                self.skeleton.extend_from_slice(&content);
            } else {
                let stub = content.start..content.start + STUB;
                let stub = self.blocks.read(stub).await?;
                self.skeleton.extend_from_slice(&stub);
                if is_wanted && TABLES.contains(&&header.kind) {
                    let entries = content.start + head_of(&header.kind) as u64..content.end;
                    self.tables.push((header.kind, entries));
                }
            }
            if self.skeleton.len() > MAX_SKELETON {
                return Err(none("the description is too long"));
            }
            let length = (self.skeleton.len() - start) as u32;
            self.skeleton[start..start + 4].copy_from_slice(&length.to_be_bytes());
            at = end;
        }
        Ok(())
    }
}

/// Where the entries of a table start in its content, behind their count.
fn head_of(kind: &[u8; 4]) -> usize {
    match kind {
        b"stsz" => 12,
        _ => 8,
    }
}

/// Reads `range` in pieces of whole entries.
async fn pieces(blocks: &BlockCache, range: Range<u64>) -> Result<VecDeque<Bytes>, ReadError> {
    let mut stream = blocks.reader().stream(range);
    let mut pieces = VecDeque::new();
    loop {
        let piece = stream.take(PIECE).await?;
        if piece.is_empty() {
            return Ok(pieces);
        }
        pieces.push_back(piece);
    }
}

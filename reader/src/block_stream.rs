//! One range of a source as it comes: from memory where it has been read before, and else with long
//! requests, which fill the memory.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use crate::{
    blocks::{BLOCK, Blocks},
    ranges::RangeStream,
    reader::ReadError,
};

/// Most that one request asks for, in bytes.
const LONGEST_READ: u64 = 1024 * 1024 * 1024;

/// One range of a source, as it comes.
pub(crate) struct BlockStream {
    blocks: Arc<Blocks>,
    left: Range<u64>,
    filling: Option<Filling>,
}

/// A request to the source that fills blocks as it comes.
struct Filling {
    stream: RangeStream,
    /// Where the next piece starts.
    at: u64,
    /// The block that is not whole yet, and where it starts.
    block: Vec<u8>,
    start: u64,
}

impl BlockStream {
    pub(crate) fn new(blocks: Arc<Blocks>, range: Range<u64>) -> Self {
        Self {
            blocks,
            left: range,
            filling: None,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// If the source is not what it was, or cannot be read in several attempts.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        while !self.left.is_empty() {
            let at = self.left.start;
            let piece = if let Some(filling) = &mut self.filling {
                match filling.next(&self.blocks).await? {
                    Some((start, piece)) => {
                        // A gap starts with its block, which may be before what is wanted.
                        let skipped = at.saturating_sub(start).min(piece.len() as u64);
                        piece.slice(skipped as usize..)
                    }
                    None => {
                        self.filling = None;
                        continue;
                    }
                }
            } else if let Some(piece) = self.blocks.kept_at(at) {
                piece
            } else {
                let end = self.left.end.min(at.saturating_add(LONGEST_READ));
                let gap = self.blocks.gap_at(at, end);
                self.filling = Some(Filling::new(&self.blocks, gap));
                continue;
            };
            if let Some(piece) = self.take(piece) {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// As much of `piece` as is wanted.
    fn take(&mut self, mut piece: Bytes) -> Option<Bytes> {
        piece.truncate((self.left.end - self.left.start).min(piece.len() as u64) as usize);
        self.left.start += piece.len() as u64;
        (!piece.is_empty()).then_some(piece)
    }
}

impl Filling {
    fn new(blocks: &Blocks, gap: Range<u64>) -> Self {
        Self {
            at: gap.start,
            start: gap.start,
            stream: blocks.reader().stream(gap),
            block: Vec::with_capacity(BLOCK as usize),
        }
    }

    /// The next piece, and where it starts.
    async fn next(&mut self, blocks: &Blocks) -> Result<Option<(u64, Bytes)>, ReadError> {
        let Some(piece) = self.stream.next().await? else {
            return Ok(None);
        };
        let start = self.at;
        self.at += piece.len() as u64;
        self.block.extend_from_slice(&piece);
        blocks.keep(self.start, &self.block);
        let kept = self.block.len() / BLOCK as usize * BLOCK as usize;
        self.block.drain(..kept);
        self.start += kept as u64;
        Ok(Some((start, piece)))
    }
}

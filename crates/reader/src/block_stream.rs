//! One range of a source as it comes: from memory where it has been read before, and else with long
//! requests, which fill the memory. FFmpeg goes back and forth, so the answer to a request belongs to
//! nobody: who wants what comes next in it reads it on.

use std::{mem, ops::Range, sync::Arc};

use bytes::Bytes;

use crate::{
    block_cache::{BLOCK, BlockCache},
    ranges::RangeStream,
    reader::ReadError,
};

/// Most that one request asks for, in bytes.
const LONGEST_READ: u64 = 1024 * 1024 * 1024;

/// Gaps up to this size, in bytes, are read through: that is quicker than a new request.
const LEAP: u64 = 128 * 1024;

/// One range of a source, as it comes.
pub(crate) struct BlockStream {
    blocks: Arc<BlockCache>,
    left: Range<u64>,
}

/// A request to the source that fills blocks as it comes.
#[derive(Debug)]
pub(crate) struct InFlightRequest {
    stream: RangeStream,
    /// What is still to come.
    left: Range<u64>,
    /// The block that is not whole yet, and where it starts.
    block: Vec<u8>,
    start: u64,
}

/// A request that is read on. When that is over, however it ends, the next one can.
struct Reading<'a> {
    blocks: &'a BlockCache,
    filling: Option<InFlightRequest>,
}

impl BlockStream {
    pub(crate) fn new(blocks: Arc<BlockCache>, range: Range<u64>) -> Self {
        Self {
            blocks,
            left: range,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// If the source is not what it was, or cannot be read in several attempts.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        while !self.left.is_empty() {
            let at = self.left.start;
            let mut piece = match self.blocks.kept_at(at) {
                Some(piece) => piece,
                None => self.read(at).await?,
            };
            piece.truncate((self.left.end - at).min(piece.len() as u64) as usize);
            if !piece.is_empty() {
                self.left.start += piece.len() as u64;
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// What comes next from `at` on, of a request that leads there. Nothing, if that is not yet so far.
    async fn read(&self, at: u64) -> Result<Bytes, ReadError> {
        let waiting = self.blocks.waiting_for(at);
        let filling = waiting.unwrap_or_else(|| {
            let end = self.left.end.min(at.saturating_add(LONGEST_READ));
            InFlightRequest::new(&self.blocks, self.blocks.gap_at(at, end))
        });
        let mut reading = Reading {
            blocks: &self.blocks,
            filling: Some(filling),
        };
        reading.next(at).await
    }
}

impl Reading<'_> {
    async fn next(&mut self, at: u64) -> Result<Bytes, ReadError> {
        let Some(filling) = &mut self.filling else {
            return Ok(Bytes::new());
        };
        let piece = filling.next(self.blocks, at).await;
        if piece.is_err() {
            self.filling = None;
        }
        piece
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(filling) = self.filling.take().filter(InFlightRequest::is_useful) {
            self.blocks.wait(filling);
        }
    }
}

impl InFlightRequest {
    fn new(blocks: &BlockCache, gap: Range<u64>) -> Self {
        Self {
            start: gap.start,
            left: gap.clone(),
            stream: blocks.reader().stream(gap),
            block: Vec::with_capacity(BLOCK as usize),
        }
    }

    /// Whether the byte at `at` comes soon, or has come and is not kept yet.
    pub(crate) fn leads_to(&self, at: u64) -> bool {
        (self.start..self.left.end.min(self.left.start + LEAP)).contains(&at)
    }

    /// Whether there is more to come, and nothing speaks against it.
    fn is_useful(&self) -> bool {
        !self.left.is_empty() && self.stream.is_sound()
    }

    /// What comes next, from `at` on.
    async fn next(&mut self, blocks: &BlockCache, at: u64) -> Result<Bytes, ReadError> {
        if at < self.left.start {
            let come = self.block.get((at - self.start) as usize..);
            return Ok(Bytes::copy_from_slice(come.unwrap_or_default()));
        }
        let start = self.left.start;
        // Another request may have brought it meanwhile.
        let next = match blocks.kept_at(start) {
            Some(_) => None,
            None => self.stream.next().await?,
        };
        let Some(piece) = next else {
            self.left.end = start;
            return Ok(Bytes::new());
        };
        self.left.start += piece.len() as u64;
        let mut rest = &piece[..];
        while !rest.is_empty() {
            let room = rest.len().min(BLOCK as usize - self.block.len());
            self.block.extend_from_slice(&rest[..room]);
            rest = &rest[room..];
            let end = self.start + self.block.len() as u64;
            if self.block.len() as u64 == BLOCK || end == blocks.reader().len() {
                let whole = mem::replace(&mut self.block, Vec::with_capacity(BLOCK as usize));
                blocks.keep_block(self.start, whole.into());
                self.start = end;
            }
        }
        Ok(piece.slice((at - start).min(piece.len() as u64) as usize..))
    }
}

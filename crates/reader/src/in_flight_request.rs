//! A request whose answer is read on, by one reader after another.

use std::{mem, ops::Range, sync::Arc};

use bytes::Bytes;

use crate::{
    block_memory::{BLOCK, BlockMemory},
    error::ReadError,
    reader::{RangeStream, Reader},
};

/// Gaps up to this size, in bytes, are read through: that is cheaper than a new request.
const MAX_GAP: u64 = 128 * 1024;

/// A request to the source. What comes fills blocks.
#[derive(Debug)]
pub(crate) struct InFlightRequest {
    stream: RangeStream,
    /// What is still to come.
    left: Range<u64>,
    /// The block that is not whole yet, and where it starts in the source.
    block: Vec<u8>,
    start: u64,
}

impl InFlightRequest {
    /// Asks for `gap`, which starts with a block.
    pub(crate) fn new(reader: &Arc<Reader>, gap: Range<u64>) -> Self {
        Self {
            start: gap.start,
            left: gap.clone(),
            stream: reader.stream(gap),
            block: Vec::with_capacity(BLOCK as usize),
        }
    }

    /// Whether the byte at `offset` comes soon, or has come and its block is not whole yet.
    pub(crate) fn leads_to(&self, offset: u64) -> bool {
        (self.start..self.left.end.min(self.left.start + MAX_GAP)).contains(&offset)
    }

    /// Whether more is to come, and the last attempt did not fail.
    pub(crate) fn is_useful(&self) -> bool {
        !self.left.is_empty() && self.stream.is_sound()
    }

    /// What comes next, from `offset` on. Empty if what came ends before that.
    ///
    /// # Errors
    /// As [`RangeStream::next`].
    pub(crate) async fn next(
        &mut self,
        memory: &BlockMemory,
        length: u64,
        offset: u64,
    ) -> Result<Bytes, ReadError> {
        if offset < self.left.start {
            let received = self.block.get((offset - self.start) as usize..);
            return Ok(Bytes::copy_from_slice(received.unwrap_or_default()));
        }
        let start = self.left.start;
        // Another request may have brought it meanwhile.
        let next = match memory.get(start) {
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
            if self.block.len() as u64 == BLOCK || end == length {
                let whole = mem::replace(&mut self.block, Vec::with_capacity(BLOCK as usize));
                memory.put(self.start, whole.into());
                self.start = end;
            }
        }
        Ok(piece.slice((offset - start).min(piece.len() as u64) as usize..))
    }
}

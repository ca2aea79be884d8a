//! One range of a source as it comes: from memory where it has been read before, and else with long
//! requests, which fill the memory. FFmpeg goes back and forth, so a request whose answer nobody reads on
//! waits for one who wants what comes next in it.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use crate::{
    blocks::{BLOCK, Blocks},
    ranges::RangeStream,
    reader::ReadError,
};

/// Most that one request asks for, in bytes.
const LONGEST_READ: u64 = 1024 * 1024 * 1024;

/// How far an answer is read on to what is wanted of it, in bytes: that is quicker than a request.
const LEAP: u64 = 128 * 1024;

/// One range of a source, as it comes.
pub(crate) struct BlockStream {
    blocks: Arc<Blocks>,
    left: Range<u64>,
    filling: Option<Filling>,
}

/// A request to the source that fills blocks as it comes.
#[derive(Debug)]
pub(crate) struct Filling {
    stream: RangeStream,
    /// Where the next piece starts.
    at: u64,
    end: u64,
    /// The block that is not whole yet, and where it starts.
    block: Vec<u8>,
    start: u64,
    /// Whether that is to come again.
    again: bool,
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
                match filling.next(&self.blocks).await {
                    Ok(Some((start, piece))) => {
                        // It may start before what is wanted.
                        let skipped = at.saturating_sub(start).min(piece.len() as u64);
                        piece.slice(skipped as usize..)
                    }
                    ended => {
                        self.filling = None;
                        ended?;
                        continue;
                    }
                }
            } else if let Some(piece) = self.blocks.kept_at(at) {
                piece
            } else {
                let waiting = self.blocks.waiting_for(at);
                self.filling = Some(waiting.unwrap_or_else(|| {
                    let end = self.left.end.min(at.saturating_add(LONGEST_READ));
                    Filling::new(&self.blocks, self.blocks.gap_at(at, end))
                }));
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

impl Drop for BlockStream {
    fn drop(&mut self) {
        if let Some(filling) = self.filling.take().filter(Filling::is_useful) {
            self.blocks.wait(filling);
        }
    }
}

impl Filling {
    fn new(blocks: &Blocks, gap: Range<u64>) -> Self {
        Self {
            at: gap.start,
            end: gap.end,
            start: gap.start,
            again: false,
            stream: blocks.reader().stream(gap),
            block: Vec::with_capacity(BLOCK as usize),
        }
    }

    /// Whether the byte at `at` comes soon.
    pub(crate) fn leads_to(&self, at: u64) -> bool {
        (self.start..self.end.min(self.at + LEAP)).contains(&at)
    }

    /// What is still to come.
    pub(crate) fn left(&self) -> Range<u64> {
        self.at..self.end
    }

    /// The same for another who wants what is in it, as far as `end`.
    pub(crate) fn again(self, end: u64) -> Self {
        let again = true;
        Self { again, end, ..self }
    }

    /// Whether there is more to come, and nothing speaks against it.
    fn is_useful(&self) -> bool {
        !self.left().is_empty() && self.stream.is_sound()
    }

    /// The next piece, and where it starts.
    async fn next(&mut self, blocks: &Blocks) -> Result<Option<(u64, Bytes)>, ReadError> {
        if std::mem::take(&mut self.again) {
            return Ok(Some((self.start, Bytes::copy_from_slice(&self.block))));
        }
        if self.left().is_empty() {
            return Ok(None);
        }
        let Some(mut piece) = self.stream.next().await? else {
            return Ok(None);
        };
        piece.truncate((self.end - self.at).min(piece.len() as u64) as usize);
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

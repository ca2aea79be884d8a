//! Small reads that go forward.

use std::ops::Range;

use gifgen_reader::{BlockCache, ReadError};

use super::{SMALL_BYTES, STEP};

/// Small reads that go forward.
pub(super) struct Window<'a> {
    blocks: &'a BlockCache,
    start: u64,
    content: bytes::Bytes,
}

impl<'a> Window<'a> {
    pub(super) fn new(blocks: &'a BlockCache) -> Self {
        Self {
            blocks,
            start: 0,
            content: bytes::Bytes::new(),
        }
    }

    /// The bytes in `range`, or what there is of them.
    pub(super) async fn bytes(&mut self, range: Range<u64>) -> Result<bytes::Bytes, ReadError> {
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

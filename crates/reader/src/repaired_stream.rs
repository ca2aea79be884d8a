//! Streams one range of a source as FFmpeg should see it: without the repeats of a transport stream.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use crate::{
    block_cache::BlockCache,
    block_stream::BlockStream,
    error::ReadError,
    repeats::{PacketGrid, RepeatFilter},
};

/// One range of a source, as it comes.
pub(crate) struct RepairedStream {
    blocks: Arc<BlockCache>,
    stream: BlockStream,
    start: u64,
    /// `None` until the first piece has come.
    filter: Option<Option<RepeatFilter>>,
}

impl RepairedStream {
    /// Streams `range` of the source.
    pub(crate) fn new(blocks: Arc<BlockCache>, range: Range<u64>) -> Self {
        Self {
            start: range.start,
            stream: BlockStream::new(Arc::clone(&blocks), range),
            blocks,
            filter: None,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// If the source was replaced or deleted, or cannot be read in several attempts.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        while let Some(piece) = self.stream.next().await? {
            if self.filter.is_none() {
                self.filter = Some(self.filter_for(&piece));
            }
            let Some(Some(filter)) = &mut self.filter else {
                return Ok(Some(piece));
            };
            let repaired = filter.push(&piece);
            if !repaired.is_empty() {
                return Ok(Some(repaired));
            }
        }
        let rest = self
            .filter
            .replace(None)
            .flatten()
            .map(RepeatFilter::finish);
        Ok(rest.filter(|rest| !rest.is_empty()))
    }

    /// FFmpeg reads the start of a file first, so it is in the cache when FFmpeg reads elsewhere.
    fn filter_for(&self, piece: &Bytes) -> Option<RepeatFilter> {
        let beginning = match self.start {
            0 => piece.clone(),
            _ => self.blocks.memory().get(0)?,
        };
        let grid = PacketGrid::of(&beginning)?;
        Some(RepeatFilter::new(grid, self.start))
    }
}

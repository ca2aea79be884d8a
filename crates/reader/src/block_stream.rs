//! Streams one range of a source: from the cache where it has been read before, and else with long requests, which
//! fill the cache. FFmpeg seeks back and forth, so the answer to a request belongs to no reader: the
//! next one that wants its next bytes goes on with it.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use crate::{block_cache::BlockCache, error::ReadError, in_flight_request::InFlightRequest};

/// Most that one request asks for, in bytes.
const MAX_REQUEST_BYTES: u64 = 1024 * 1024 * 1024;

/// One range of a source, as it comes.
pub(crate) struct BlockStream {
    blocks: Arc<BlockCache>,
    left: Range<u64>,
}

/// A request that somebody reads. When that ends, the request is parked for the next reader.
struct Reading<'a> {
    blocks: &'a BlockCache,
    request: Option<InFlightRequest>,
}

impl BlockStream {
    /// Streams `range` of the source.
    pub(crate) fn new(blocks: Arc<BlockCache>, range: Range<u64>) -> Self {
        Self {
            blocks,
            left: range,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// If the source was replaced or deleted, or cannot be read in several attempts.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        while !self.left.is_empty() {
            let offset = self.left.start;
            let mut piece = match self.blocks.memory().get(offset) {
                Some(piece) => piece,
                None => self.read(offset).await?,
            };
            piece.truncate((self.left.end - offset).min(piece.len() as u64) as usize);
            if !piece.is_empty() {
                self.left.start += piece.len() as u64;
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// What comes next from `offset` on, of a request that leads there. Empty if that has not come so far.
    async fn read(&self, offset: u64) -> Result<Bytes, ReadError> {
        let request = self.blocks.unpark(offset).unwrap_or_else(|| {
            let end = self.left.end.min(offset.saturating_add(MAX_REQUEST_BYTES));
            let gap = self.blocks.memory().gap(offset, end);
            InFlightRequest::new(self.blocks.reader(), gap)
        });
        let mut reading = Reading {
            blocks: &self.blocks,
            request: Some(request),
        };
        reading.next(offset).await
    }
}

impl Reading<'_> {
    async fn next(&mut self, offset: u64) -> Result<Bytes, ReadError> {
        let Some(request) = &mut self.request else {
            return Ok(Bytes::new());
        };
        let length = self.blocks.reader().len();
        let piece = request.next(self.blocks.memory(), length, offset).await;
        if piece.is_err() {
            self.request = None;
        }
        piece
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request.take().filter(InFlightRequest::is_useful) {
            self.blocks.park(request);
        }
    }
}

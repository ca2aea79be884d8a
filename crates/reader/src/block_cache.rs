//! A cache of what was read of a source. ffprobe reads the same header at each of its runs, and the index has read it
//! before.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    block_memory::BlockMemory, error::ReadError, in_flight_request::InFlightRequest, reader::Reader,
};

/// How many requests are parked, and how long. FFmpeg may take its time with what it has; but servers close
/// connections on which nobody reads.
const MAX_PARKED: usize = 4;
const MAX_PARKED_TIME: Duration = Duration::from_secs(20);

/// A source, and the blocks that were read of it.
#[derive(Debug)]
pub struct BlockCache {
    reader: Arc<Reader>,
    memory: BlockMemory,
    /// Requests whose answers nobody is reading, the oldest first.
    parked: Mutex<VecDeque<(Instant, InFlightRequest)>>,
}

impl BlockCache {
    /// An empty cache.
    pub fn new(reader: Arc<Reader>) -> Arc<Self> {
        Arc::new(Self {
            memory: BlockMemory::new(reader.len()),
            parked: Mutex::default(),
            reader,
        })
    }

    /// The reader behind the cache.
    pub fn reader(&self) -> &Arc<Reader> {
        &self.reader
    }

    /// The blocks in memory.
    pub(crate) fn memory(&self) -> &BlockMemory {
        &self.memory
    }

    /// The bytes in `range`, up to the end of the source. What is not in the cache is read in whole blocks, with one
    /// request for each gap.
    ///
    /// # Errors
    /// If the source was replaced or deleted, or cannot be read in several attempts.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, ReadError> {
        let mut offset = range.start;
        let end = range.end.min(self.reader.len());
        let mut pieces: Vec<Bytes> = Vec::new();
        while offset < end {
            let mut piece = match self.memory.get(offset) {
                Some(piece) => piece,
                None => {
                    // Taken as it comes: it may be more than is kept.
                    let gap = self.memory.gap(offset, end);
                    let read = self.reader.read(gap.clone()).await?;
                    self.memory.put_all(gap.start, &read);
                    let skipped = read.len().min((offset - gap.start) as usize);
                    read.slice(skipped..)
                }
            };
            piece.truncate((end - offset).min(piece.len() as u64) as usize);
            if piece.is_empty() {
                break;
            }
            offset += piece.len() as u64;
            pieces.push(piece);
        }
        // The `moov` of a long film has 15 MB, which are not copied.
        match <[Bytes; 1]>::try_from(pieces) {
            Ok([piece]) => Ok(piece),
            Err(pieces) => Ok(pieces.concat().into()),
        }
    }

    /// Parks a request, so that a later reader takes up its answer.
    pub(crate) fn park(&self, request: InFlightRequest) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.push_back((Instant::now(), request));
        if parked.len() > MAX_PARKED {
            parked.pop_front();
        }
    }

    /// Takes the parked request that leads to the byte at `offset`, if there is one.
    pub(crate) fn unpark(&self, offset: u64) -> Option<InFlightRequest> {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.retain(|(since, _)| since.elapsed() < MAX_PARKED_TIME);
        let leads_there = |(_, request): &(Instant, InFlightRequest)| request.leads_to(offset);
        let index = parked.iter().position(leads_there)?;
        parked.remove(index).map(|(_, request)| request)
    }
}

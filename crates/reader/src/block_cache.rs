//! What has been read of a source, kept for the next who asks: ffprobe reads the same header at each
//! of its runs, and the index has read it before.

use std::{
    collections::VecDeque,
    num::NonZero,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use lru::LruCache;

use crate::{
    block_stream::{BlockStream, InFlightRequest},
    reader::{ReadError, Reader},
};

/// Size of a block, in bytes.
pub(crate) const BLOCK: u64 = 32 * 1024;

/// How many blocks are kept: 64 MiB, of the 512 MB that the splitter has at least.
const KEPT: NonZero<usize> = NonZero::new(2048).unwrap();

/// How many requests wait for one who reads their answers on, and how long. FFmpeg may take its time with
/// what it has; but servers close connections on which nobody reads.
const MOST_WAITING: usize = 4;
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A source with the memory of what was read of it, in blocks.
#[derive(Debug)]
pub struct BlockCache {
    reader: Arc<Reader>,
    kept: Mutex<LruCache<u64, Bytes>>,
    /// Requests whose answers nobody is reading, the oldest first.
    waiting: Mutex<VecDeque<(Instant, InFlightRequest)>>,
}

impl BlockCache {
    /// Nothing is read yet.
    pub fn new(reader: Arc<Reader>) -> Arc<Self> {
        let kept = Mutex::new(LruCache::new(KEPT));
        let waiting = Mutex::default();
        Arc::new(Self {
            reader,
            kept,
            waiting,
        })
    }

    /// What reads where there is no memory.
    pub fn reader(&self) -> &Arc<Reader> {
        &self.reader
    }

    /// The bytes in `range`; what is behind the end is left out. What was not read before is read
    /// in whole blocks, with a request for each gap.
    ///
    /// # Errors
    /// If the source is not what it was, or cannot be read in several attempts.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, ReadError> {
        let mut at = range.start;
        let end = range.end.min(self.reader.len());
        let mut pieces: Vec<Bytes> = Vec::new();
        while at < end {
            let mut piece = match self.kept_at(at) {
                Some(piece) => piece,
                None => {
                    // Taken as it comes: it may be more than is kept.
                    let gap = self.gap_at(at, end);
                    let read = self.reader.read(gap.clone()).await?;
                    self.keep(gap.start, &read);
                    let skipped = read.len().min((at - gap.start) as usize);
                    read.slice(skipped..)
                }
            };
            piece.truncate((end - at).min(piece.len() as u64) as usize);
            if piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
            pieces.push(piece);
        }
        // The description of a long film has 15 MB, which are not copied.
        match <[Bytes; 1]>::try_from(pieces) {
            Ok([piece]) => Ok(piece),
            Err(pieces) => Ok(pieces.concat().into()),
        }
    }

    /// The bytes in `range`, piece by piece as they come.
    pub(crate) fn stream(self: &Arc<Self>, range: Range<u64>) -> BlockStream {
        BlockStream::new(Arc::clone(self), range)
    }

    /// What is kept from `at` on, to the end of its block.
    pub(crate) fn kept_at(&self, at: u64) -> Option<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let block = kept.get(&(at / BLOCK))?;
        let offset = (at % BLOCK) as usize;
        (offset < block.len()).then(|| block.slice(offset..))
    }

    /// The whole blocks that are not kept, from the one with `at` on, to the one with `end` at most.
    pub(crate) fn gap_at(&self, at: u64, end: u64) -> Range<u64> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let blocks = at / BLOCK + 1..end.div_ceil(BLOCK);
        let mut known = blocks.clone().filter(|block| kept.contains(block));
        let to = known.next().unwrap_or(blocks.end);
        at / BLOCK * BLOCK..(to * BLOCK).min(self.reader.len())
    }

    /// Parks a request, so that a later reader takes up its answer.
    pub(crate) fn wait(&self, filling: InFlightRequest) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back((Instant::now(), filling));
        if waiting.len() > MOST_WAITING {
            waiting.pop_front();
        }
    }

    /// The request that waits and leads to the byte at `at`, if there is one.
    pub(crate) fn waiting_for(&self, at: u64) -> Option<InFlightRequest> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(since, _)| since.elapsed() < LONGEST_WAIT);
        let leads_there = |(_, filling): &(Instant, InFlightRequest)| filling.leads_to(at);
        let place = waiting.iter().position(leads_there)?;
        waiting.remove(place).map(|(_, filling)| filling)
    }

    /// Keeps a whole block, which starts at `at`.
    pub(crate) fn keep_block(&self, at: u64, block: Bytes) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(at / BLOCK, block);
    }

    /// Keeps the whole blocks of `bytes`, which start at the offset `at`, the start of a block; the
    /// last one is whole too if the source ends with it.
    fn keep(&self, at: u64, bytes: &[u8]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for (block, content) in (at / BLOCK..).zip(bytes.chunks(BLOCK as usize)) {
            let is_last = block * BLOCK + content.len() as u64 == self.reader.len();
            if content.len() as u64 == BLOCK || is_last {
                // Copied, or else a piece would hold on to all that came with it.
                kept.put(block, Bytes::copy_from_slice(content));
            }
        }
    }
}

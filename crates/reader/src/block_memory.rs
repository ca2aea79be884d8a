//! The blocks of a source that are kept in memory.

use std::{
    num::NonZero,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use lru::LruCache;

/// Size of a block, in bytes.
pub(crate) const BLOCK: u64 = 32 * 1024;

/// How many blocks are kept: 64 MiB, of the 512 MB that the splitter has at least.
const MAX_BLOCKS: NonZero<usize> = NonZero::new(2048).unwrap();

/// The blocks that were used last.
#[derive(Debug)]
pub(crate) struct BlockMemory {
    blocks: Mutex<LruCache<u64, Bytes>>,
    /// Size of the source, in bytes.
    length: u64,
}

impl BlockMemory {
    /// No blocks of a source of `length` bytes.
    pub(crate) fn new(length: u64) -> Self {
        let blocks = Mutex::new(LruCache::new(MAX_BLOCKS));
        Self { blocks, length }
    }

    /// The bytes from `offset` to the end of its block, if that is kept.
    pub(crate) fn get(&self, offset: u64) -> Option<Bytes> {
        let mut blocks = self.lock();
        let block = blocks.get(&(offset / BLOCK))?;
        let skipped = (offset % BLOCK) as usize;
        (skipped < block.len()).then(|| block.slice(skipped..))
    }

    /// The whole blocks that are not kept, from the one that holds `offset` to the one that holds `end` at most.
    pub(crate) fn gap(&self, offset: u64, end: u64) -> Range<u64> {
        let blocks = self.lock();
        let next = offset / BLOCK + 1..end.div_ceil(BLOCK);
        let mut known = next.clone().filter(|block| blocks.contains(block));
        let to = known.next().unwrap_or(next.end);
        offset / BLOCK * BLOCK..(to * BLOCK).min(self.length)
    }

    /// Keeps a whole block, which starts at `offset`.
    pub(crate) fn put(&self, offset: u64, block: Bytes) {
        self.lock().put(offset / BLOCK, block);
    }

    /// Keeps the whole blocks of `bytes`, which start at `offset`, the start of a block. The last one is whole too if
    /// the source ends with it.
    pub(crate) fn put_all(&self, offset: u64, bytes: &[u8]) {
        let mut blocks = self.lock();
        for (block, content) in (offset / BLOCK..).zip(bytes.chunks(BLOCK as usize)) {
            let is_last = block * BLOCK + content.len() as u64 == self.length;
            if content.len() as u64 == BLOCK || is_last {
                // Copied, or else a block would hold on to all that came with it.
                blocks.put(block, Bytes::copy_from_slice(content));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<u64, Bytes>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

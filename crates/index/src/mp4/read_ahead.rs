//! Small reads that go forward. What one has read too much is kept for the next.

use std::sync::Arc;

use bytes::Bytes;
use gifgen_reader::Reader;

use super::walk_state::WalkState;
use crate::error::IndexError;

/// What was read last.
#[derive(Debug)]
pub(super) struct ReadAhead<'a> {
    reader: &'a Arc<Reader>,
    state: &'a WalkState,
    /// Where `bytes` start in the source.
    start: u64,
    bytes: Bytes,
}

impl<'a> ReadAhead<'a> {
    pub(super) fn new(reader: &'a Arc<Reader>, state: &'a WalkState) -> Self {
        Self {
            reader,
            state,
            start: 0,
            bytes: Bytes::new(),
        }
    }

    /// `wanted` bytes from `at` on, or what there is of them. A request reads at least `step` bytes.
    pub(super) async fn read(
        &mut self,
        at: u64,
        wanted: u64,
        step: u64,
    ) -> Result<Bytes, IndexError> {
        let end = at.saturating_add(wanted).min(self.reader.len());
        if end <= at {
            return Ok(Bytes::new());
        }
        let known = self.start..self.start + self.bytes.len() as u64;
        if at < known.start || end > known.end {
            let kept = if (known.start..known.end).contains(&at) {
                self.bytes.slice((at - known.start) as usize..)
            } else {
                Bytes::new()
            };
            let from = at.saturating_add(kept.len() as u64);
            let to = end.max(at.saturating_add(step)).min(self.reader.len());
            self.state.count_request()?;
            let read = self.reader.read(from..to.max(from)).await?;
            self.start = at;
            self.bytes = if kept.is_empty() {
                read
            } else {
                [kept, read].concat().into()
            };
        }
        let skipped = (at - self.start) as usize;
        let wanted = ((end - at) as usize).min(self.bytes.len().saturating_sub(skipped));
        Ok(self.bytes.slice(skipped..skipped + wanted))
    }
}

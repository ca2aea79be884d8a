//! Watches the packets that a worker feeds: a clock that starts again there was not known to the splitter.

use crate::mpegts::{
    clocks::{MAX_WRONG, pieces},
    collector::Collector,
    retime::Packets,
};

/// Collects the pictures of an excerpt.
#[derive(Debug)]
pub(crate) struct Watch(Collector);

impl Watch {
    /// Watches the bytes from `offset` on.
    pub(crate) fn new(packets: &Packets, offset: u64) -> Self {
        Self(Collector::new(
            packets.size,
            offset,
            packets.pid,
            packets.codec,
        ))
    }

    /// Takes the next `bytes`.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    /// Where a second clock, or another video, starts in what has come. `None` if there is none. So few pictures at
    /// the end as may be wrong are no clock.
    pub(crate) fn joint(&self) -> Option<u64> {
        let pictures = self.0.pictures();
        let (pieces, _) = pieces(pictures)?;
        let second = pieces.get(1).map(|piece| piece.from);
        let last = pictures.iter().rev().nth(MAX_WRONG);
        second
            .filter(|from| last.is_some_and(|last| *from <= last.offset))
            .or(self.0.barrier.map(|(offset, _)| offset))
    }
}

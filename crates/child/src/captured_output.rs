//! Captures a bounded part of an output stream.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Which part of an output stream is kept. The rest is read and dropped.
#[derive(Clone, Copy, Debug)]
pub enum Keep {
    /// The first bytes, up to this many.
    First(usize),
    /// The last bytes, up to this many.
    Last(usize),
}

/// Hands the blocks of a stream to `add`, up to its end. A read error counts as the end.
pub(super) async fn drain(pipe: Option<impl AsyncRead + Unpin>, mut add: impl FnMut(&[u8])) {
    let Some(mut pipe) = pipe else { return };
    let mut block = vec![0; 32 * 1024];
    while let Ok(count @ 1..) = pipe.read(&mut block).await {
        add(&block[..count]);
    }
}

pub(super) struct CapturedOutput {
    keep: Keep,
    bytes: Vec<u8>,
}

impl CapturedOutput {
    pub(super) fn new(keep: Keep) -> Self {
        Self {
            keep,
            bytes: Vec::new(),
        }
    }

    /// Reads to the end of the stream. A read error counts as the end.
    pub(super) async fn drain(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        drain(pipe, |block| self.add(block)).await;
    }

    pub(super) fn add(&mut self, block: &[u8]) {
        match self.keep {
            Keep::First(limit) => {
                let room = limit.saturating_sub(self.bytes.len());
                self.bytes
                    .extend_from_slice(&block[..block.len().min(room)]);
            }
            Keep::Last(limit) => {
                self.bytes.extend_from_slice(block);
                // Trimming at twice the limit moves each byte at most once.
                if self.bytes.len() > 2 * limit {
                    self.bytes.drain(..self.bytes.len() - limit);
                }
            }
        }
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        if let Keep::Last(limit) = self.keep {
            let surplus = self.bytes.len().saturating_sub(limit);
            self.bytes.drain(..surplus);
        }
        self.bytes
    }
}

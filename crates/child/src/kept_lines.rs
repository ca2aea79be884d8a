//! Keeps the last of the lines that matter.

use tokio::io::AsyncRead;

use crate::captured_output::{CapturedOutput, Keep, drain};

/// Longest line, in bytes. The rest of a longer one is another line.
const LINE_BYTES: usize = 16 * 1024;

pub(super) struct KeptLines<F> {
    is_kept: F,
    line: Vec<u8>,
    kept: CapturedOutput,
}

impl<F: FnMut(&str) -> bool> KeptLines<F> {
    /// Keeps the last `limit` bytes of the lines for which `is_kept` is true.
    pub(super) fn new(limit: usize, is_kept: F) -> Self {
        Self {
            is_kept,
            line: Vec::new(),
            kept: CapturedOutput::new(Keep::Last(limit)),
        }
    }

    /// Reads to the end of the stream. A read error counts as the end.
    pub(super) async fn drain(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        drain(pipe, |block| self.add(block)).await;
    }

    fn add(&mut self, block: &[u8]) {
        for part in block.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") || self.line.len() > LINE_BYTES {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        if (self.is_kept)(&String::from_utf8_lossy(&self.line)) {
            self.kept.add(&self.line);
        }
        self.line.clear();
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.kept.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_whole_however_they_arrive() {
        let mut lines = KeptLines::new(100, |line: &str| !line.starts_with("no"));
        for block in ["not this\nth", "is", "\nno\nand ", "the last"] {
            lines.add(block.as_bytes());
        }
        assert_eq!(lines.into_bytes(), b"this\nand the last");
    }

    #[test]
    fn the_last_of_the_kept_bytes_remain() {
        let mut lines = KeptLines::new(8, |line: &str| line.len() < 100);
        lines.add(b"first\nsecond\n");
        lines.add(&[b'x'; 2 * LINE_BYTES]);
        assert_eq!(lines.into_bytes(), b"\nsecond\n");
    }
}

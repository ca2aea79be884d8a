//! Streams a file to a client. A blocking thread reads one chunk ahead, so that disk and socket
//! work at the same time, with at most two chunks in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{FutureExt as _, Stream};
use s3s::StdError;
use s3s::stream::{ByteStream, RemainingLength};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes per chunk.
const CHUNK_BYTES: u64 = 256 * 1024;

/// Streams the bytes `start..end` of a file.
pub(super) struct FileStream {
    file: Arc<File>,
    /// Offset of the next chunk to read.
    next: u64,
    end: u64,
    /// Bytes not yet yielded.
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileStream {
    pub(super) fn new(file: File, range: std::ops::Range<u64>) -> Self {
        Self {
            file: Arc::new(file),
            next: range.start,
            end: range.end,
            left: range.end - range.start,
            reading: None,
        }
    }

    /// Starts reading the next chunk, if there is one.
    fn read_on(&mut self) {
        if self.next < self.end {
            let file = Arc::clone(&self.file);
            let (start, end) = (self.next, self.end.min(self.next + CHUNK_BYTES));
            self.next = end;
            self.reading = Some(spawn_blocking(move || read(&file, start, end)));
        }
    }
}

fn read(file: &File, start: u64, end: u64) -> io::Result<Bytes> {
    // A chunk has at most CHUNK_BYTES.
    let mut chunk = vec![0; (end - start) as usize];
    // A file that shrank is an error and closes the connection, because its length was announced.
    file.read_exact_at(&mut chunk, start)?;
    Ok(chunk.into())
}

impl Stream for FileStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.reading.is_none() {
            self.read_on();
        }
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let chunk = ready!(reading.poll_unpin(cx));
        self.reading = None;
        Poll::Ready(Some(match chunk {
            Ok(Ok(chunk)) => {
                self.left -= chunk.len() as u64;
                self.read_on();
                Ok(chunk)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(error.into()),
        }))
    }
}

impl ByteStream for FileStream {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.left)
            .map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

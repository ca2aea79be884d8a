//! A file on its way to a client: read a piece ahead on a blocking thread, so that disk and socket
//! work at the same time, and never more than two pieces in memory.

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

/// Bytes of a piece.
const PIECE_BYTES: u64 = 256 * 1024;

/// The bytes `start..end` of a file.
pub(super) struct FileStream {
    file: Arc<File>,
    /// Where the piece after the one that is being read starts.
    next: u64,
    end: u64,
    /// Bytes not yet handed out.
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

    /// Starts to read the next piece, if there is one.
    fn read_on(&mut self) {
        if self.next < self.end {
            let file = Arc::clone(&self.file);
            let (start, end) = (self.next, self.end.min(self.next + PIECE_BYTES));
            self.next = end;
            self.reading = Some(spawn_blocking(move || read(&file, start, end)));
        }
    }
}

fn read(file: &File, start: u64, end: u64) -> io::Result<Bytes> {
    // A piece is at most PIECE_BYTES long.
    let mut piece = vec![0; (end - start) as usize];
    // A file that became shorter is an error here, and cuts the connection: the length is promised.
    file.read_exact_at(&mut piece, start)?;
    Ok(piece.into())
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
        let piece = ready!(reading.poll_unpin(cx));
        self.reading = None;
        Poll::Ready(Some(match piece {
            Ok(Ok(piece)) => {
                self.left -= piece.len() as u64;
                self.read_on();
                Ok(piece)
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

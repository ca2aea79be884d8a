//! Reads ranges of one version of a source.

mod range_stream;

use std::{
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use gifgen_shared::{
    Deadline, PinnedSource, PresignedUrl, Source, SourceUnavailable, backoff::attempt_timeout,
};
use tokio::sync::Mutex;

pub use self::range_stream::RangeStream;
use crate::{error::ReadError, http::Http};

/// Reads one version of a source. Every request has the precondition that it is still that version.
pub struct Reader {
    http: Http,
    s3: aws_sdk_s3::Client,
    pinned: PinnedSource,
    url_expiry: Duration,
    /// The deadline of the invocation, if it has one.
    deadline: Option<Deadline>,
    url: Mutex<Option<PresignedUrl>>,
    bytes_read: AtomicU64,
    requests: AtomicU64,
}

impl Reader {
    /// Reads `pinned` over presigned URLs that are valid for `url_expiry`, until the deadline that governs the caller.
    pub fn new(
        http: Http,
        s3: aws_sdk_s3::Client,
        pinned: PinnedSource,
        url_expiry: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            http,
            s3,
            pinned,
            url_expiry,
            deadline: Deadline::governing(),
            url: Mutex::new(None),
            bytes_read: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        })
    }

    /// What it reads.
    pub fn pinned(&self) -> &PinnedSource {
        &self.pinned
    }

    /// The source, in the version that is read.
    pub fn source(&self) -> &Source {
        self.pinned.source()
    }

    /// Size of the source, in bytes.
    pub fn len(&self) -> u64 {
        self.pinned.bytes()
    }

    /// Whether the source holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes all requests have received.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Relaxed)
    }

    /// How many requests were sent.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// The bytes in `range`, up to the end of the source, piece by piece as they come. A connection that breaks is
    /// resumed where it broke.
    pub fn stream(self: &Arc<Self>, range: Range<u64>) -> RangeStream {
        RangeStream::new(Arc::clone(self), range.start..range.end.min(self.len()))
    }

    /// The bytes in `range`, up to the end of the source, with one request as a rule.
    ///
    /// # Errors
    /// If the source was replaced or deleted, or cannot be read in several attempts.
    pub async fn read(self: &Arc<Self>, range: Range<u64>) -> Result<Bytes, ReadError> {
        self.stream(range).take(u64::MAX).await
    }

    /// The presigned URL; a fresh one if that is `stale`.
    async fn url(&self, stale: Option<&PresignedUrl>) -> Result<PresignedUrl, SourceUnavailable> {
        let mut url = self.url.lock().await;
        match &*url {
            Some(url) if stale.is_none_or(|stale| stale.expose() != url.expose()) => {
                Ok(url.clone())
            }
            _ => {
                let fresh = self.source().presign(&self.s3, self.url_expiry).await?;
                *url = Some(fresh.clone());
                Ok(fresh)
            }
        }
    }

    /// How long the server may be silent before a request is sent again.
    fn silence_timeout(&self) -> Duration {
        attempt_timeout(self.deadline.map(Deadline::left), 0)
    }

    /// The region of the client, if it has one.
    fn region(&self) -> Option<&str> {
        self.s3.config().region().map(AsRef::as_ref)
    }

    fn count_request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    fn count_bytes(&self, bytes: usize) {
        self.bytes_read.fetch_add(bytes as u64, Relaxed);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("pinned", &self.pinned)
            .finish_non_exhaustive()
    }
}

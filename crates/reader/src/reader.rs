//! One version of a source, to be read in ranges.

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
    backoff::attempt_timeout,
    deadline::Deadline,
    presigned_url::PresignedUrl,
    source::{PinnedSource, Source, SourceUnavailable},
};
use tokio::sync::Mutex;

use crate::{http::Http, ranges::RangeStream};

/// One version of a source. Every request is on condition that it is still that version.
pub struct Reader {
    pub(crate) http: Http,
    s3: aws_sdk_s3::Client,
    pinned: PinnedSource,
    url_expiry: Duration,
    /// Of the invocation that reads, if it has one.
    deadline: Option<Deadline>,
    url: Mutex<Option<PresignedUrl>>,
    bytes_read: AtomicU64,
    requests: AtomicU64,
}

/// Why a source cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// Another version is there. Permanent.
    #[error("{0} was replaced by another version")]
    Replaced(Source),
    /// It was deleted. Permanent.
    #[error("{0} is gone")]
    Gone(Source),
    /// The server fails or refuses, again and again. Transient.
    #[error("failed to read {of}: {said}")]
    Interrupted {
        /// The source.
        of: Source,
        /// What was said at last, without the URL.
        said: String,
    },
}

impl Reader {
    /// Reads `pinned` over URLs that are good for `url_expiry`, until the deadline that governs the
    /// caller.
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

    /// How many bytes of it have come, by all requests together.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Relaxed)
    }

    /// How many requests were sent.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// The bytes in `range`, piece by piece as they come; what is behind the end is left out. Takes
    /// broken connections up again where they broke.
    pub fn stream(self: &Arc<Self>, range: Range<u64>) -> RangeStream {
        RangeStream::new(Arc::clone(self), range.start..range.end.min(self.len()))
    }

    /// The bytes in `range`, with one request as a rule; what is behind the end is left out.
    ///
    /// # Errors
    /// If the source is not what it was, or cannot be read in several attempts.
    pub async fn read(self: &Arc<Self>, range: Range<u64>) -> Result<Bytes, ReadError> {
        self.stream(range).take(u64::MAX).await
    }

    /// A URL to read by: the one at hand, or a fresh one in the place of `stale`.
    pub(crate) async fn url(
        &self,
        stale: Option<&PresignedUrl>,
    ) -> Result<PresignedUrl, SourceUnavailable> {
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

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// How long the server may be silent until a request is sent again.
    pub(crate) fn longest_silence(&self) -> Duration {
        attempt_timeout(self.deadline.map(Deadline::left), 0)
    }

    /// The region of the client, if it has one.
    pub(crate) fn region(&self) -> Option<&str> {
        self.s3.config().region().map(AsRef::as_ref)
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_bytes(&self, bytes: usize) {
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

//! Streams one range of a source.

use std::{mem, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use gifgen_shared::{Backoff, PresignedUrl, Refusal, Retries, with_causes};
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_RANGE, ETAG, IF_MATCH, RANGE},
};
use tokio::time::{sleep, timeout};

use super::Reader;
use crate::error::ReadError;

/// Most of an error's body that is read, in bytes, and how long that may take.
const MAX_ERROR_BYTES: usize = 16 * 1024;
const ERROR_TIMEOUT: Duration = Duration::from_secs(2);

/// How many URLs in a row may be refused. The first may have expired, but not all of them.
const MAX_REFUSALS: u32 = 3;

/// Most memory that is reserved before anything has come, in bytes.
const MAX_RESERVED_BYTES: usize = 16 * 1024 * 1024;

/// One range of a source, as it comes. A connection that breaks is resumed where it broke.
#[derive(Debug)]
pub struct RangeStream {
    reader: Arc<Reader>,
    left: Range<u64>,
    body: Option<Incoming>,
    /// What has come, but was not taken yet.
    ahead: Bytes,
    retries: Retries,
    /// The URL that was refused last.
    stale: Option<PresignedUrl>,
    /// How many URLs in a row were refused.
    refusals: u32,
}

/// Why one request failed.
enum Failure {
    /// A retry would fail as well.
    Permanent(ReadError),
    /// A retry may succeed.
    Transient(String),
}

impl RangeStream {
    pub(super) fn new(reader: Arc<Reader>, range: Range<u64>) -> Self {
        let retries = Retries::new(Backoff::USUAL, reader.deadline);
        Self {
            reader,
            left: range,
            body: None,
            ahead: Bytes::new(),
            retries,
            stale: None,
            refusals: 0,
        }
    }

    /// Whether the last attempt did not fail.
    pub(crate) fn is_sound(&self) -> bool {
        self.retries.failures() == 0
    }

    /// How many bytes are still to come from the source.
    fn left(&self) -> u64 {
        self.left.end.saturating_sub(self.left.start)
    }

    /// The next `bytes` bytes, or as many as there are, in one piece.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn take(&mut self, bytes: u64) -> Result<Bytes, ReadError> {
        let bytes = bytes.min(self.ahead.len() as u64 + self.left()) as usize;
        let mut taken = Vec::with_capacity(bytes.min(MAX_RESERVED_BYTES));
        while taken.len() < bytes {
            let Some(mut piece) = self.next().await? else {
                break;
            };
            let wanted = piece.len().min(bytes - taken.len());
            taken.extend_from_slice(&piece.split_to(wanted));
            self.ahead = piece;
        }
        Ok(taken.into())
    }

    /// The next piece, of any length; `None` at the end of the range.
    ///
    /// # Errors
    /// If the source was replaced or deleted, or several requests in a row bring nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        if !self.ahead.is_empty() {
            return Ok(Some(mem::take(&mut self.ahead)));
        }
        while self.left() > 0 {
            match self.piece().await {
                Ok(piece) => {
                    self.retries.succeeded();
                    self.refusals = 0;
                    self.left.start += piece.len() as u64;
                    return Ok(Some(piece));
                }
                Err(Failure::Permanent(error)) => return Err(error),
                Err(Failure::Transient(said)) => {
                    self.body = None;
                    let pause = self.retries.failed();
                    let Some(pause) = pause.filter(|_| self.refusals < MAX_REFUSALS) else {
                        let of = self.reader.source().clone();
                        return Err(ReadError::Interrupted { of, said });
                    };
                    tracing::debug!(said, at = self.left.start, "reading is taken up again");
                    sleep(pause).await;
                }
            }
        }
        Ok(None)
    }

    /// The next piece of the open answer, or of a new one.
    async fn piece(&mut self) -> Result<Bytes, Failure> {
        if self.body.is_none() {
            self.body = Some(self.open().await?);
        }
        let Some(body) = &mut self.body else {
            return Err(Failure::Transient("there is no answer".into()));
        };
        loop {
            let silence = self.reader.silence_timeout();
            let frame = timeout(silence, body.frame())
                .await
                .map_err(|_| was_silent(silence))?
                .ok_or_else(|| Failure::Transient("the answer ended early".into()))?
                .map_err(|error| Failure::Transient(with_causes(&error)))?;
            // Trailers are no data.
            if let Ok(mut piece) = frame.into_data()
                && !piece.is_empty()
            {
                self.reader.count_bytes(piece.len());
                let left = self.left.end - self.left.start;
                piece.truncate(left.min(usize::MAX as u64) as usize);
                return Ok(piece);
            }
        }
    }

    /// Sends a request for what is left.
    async fn open(&mut self) -> Result<Incoming, Failure> {
        let url = self.reader.url(self.stale.as_ref()).await;
        let url = url.map_err(|error| Failure::Transient(error.to_string()))?;
        let range = format!("bytes={}-{}", self.left.start, self.left.end - 1);
        let request = Request::get(url.expose())
            .header(RANGE, range)
            .header(IF_MATCH, self.reader.pinned().etag().as_str())
            .body(Empty::new())
            .map_err(|error| Failure::Transient(error.to_string()))?;
        let silence = self.reader.silence_timeout();
        let sending = self
            .reader
            .http
            .send(request, || self.reader.count_request());
        let answer = timeout(silence, sending)
            .await
            .map_err(|_| was_silent(silence))?
            .map_err(|error| Failure::Transient(url.redact(&with_causes(&error))))?;
        self.judge(answer, url).await
    }

    /// The body of `answer`, if it has the right version and range.
    async fn judge(
        &mut self,
        answer: Response<Incoming>,
        url: PresignedUrl,
    ) -> Result<Incoming, Failure> {
        let source = || self.reader.source().clone();
        match answer.status() {
            StatusCode::PARTIAL_CONTENT => {}
            // The whole object, which is as good if the range starts with it.
            StatusCode::OK if self.left.start == 0 => {}
            StatusCode::PRECONDITION_FAILED => {
                return Err(Failure::Permanent(ReadError::Replaced(source())));
            }
            StatusCode::NOT_FOUND => return Err(Failure::Permanent(ReadError::Gone(source()))),
            status => {
                let said = refusal(answer, &url, self.reader.region()).await;
                // An expired URL gives 403 on S3, 400 on others.
                if matches!(status, StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST) {
                    self.stale = Some(url);
                    self.refusals += 1;
                }
                return Err(Failure::Transient(said));
            }
        }
        // Not every server obeys If-Match.
        let etag = answer.headers().get(ETAG);
        if etag
            .is_some_and(|etag| etag.as_bytes() != self.reader.pinned().etag().as_str().as_bytes())
        {
            return Err(Failure::Permanent(ReadError::Replaced(source())));
        }
        let start = answer.headers().get(CONTENT_RANGE).and_then(|range| {
            let range = range.to_str().ok()?.strip_prefix("bytes ")?;
            range.split_once('-')?.0.parse::<u64>().ok()
        });
        if answer.status() == StatusCode::PARTIAL_CONTENT && start != Some(self.left.start) {
            return Err(Failure::Transient(
                "the server answers with another range".into(),
            ));
        }
        Ok(answer.into_body())
    }
}

/// What a refusal says: its status, and the code and message of its body, but never the URL.
async fn refusal(answer: Response<Incoming>, url: &PresignedUrl, region: Option<&str>) -> String {
    let (head, body) = answer.into_parts();
    let bucket_region = head.headers.get("x-amz-bucket-region");
    let bucket_region = bucket_region.and_then(|region| region.to_str().ok());
    // An answer of 200 with the whole object is no error.
    let body = match head.status.is_success() {
        true => None,
        false => timeout(ERROR_TIMEOUT, Limited::new(body, MAX_ERROR_BYTES).collect())
            .await
            .ok()
            .and_then(Result::ok),
    };
    let body = body.map(Collected::to_bytes).unwrap_or_default();
    let body = String::from_utf8_lossy(&body);
    let refusal = Refusal::of_answer(head.status.as_u16(), bucket_region, &body);
    url.redact(&refusal.words("s3:GetObject", region))
}

fn was_silent(silence: Duration) -> Failure {
    Failure::Transient(format!("the server was silent for {} s", silence.as_secs()))
}

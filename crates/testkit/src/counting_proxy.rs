//! An HTTP proxy that records each read of a source object from the embedded S3 server, and delays
//! it as a distant server would.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use hyper::{
    Method, Request, Response, Uri,
    body::{Frame, Incoming, SizeHint},
    header::RANGE,
    http::uri::Authority,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::sleep;

use crate::{
    server::{Body, Broken, Buffers, Server},
    test_env::FILMS,
};

/// Bytes of a body that are forwarded and counted at a time. Bytes that a client leaves unread
/// still count once they have left the proxy, so this and [`SEND_BUFFER`] bound the error.
const PIECE: usize = 16 * 1024;

/// Send buffer of the sockets, in bytes. Linux doubles it.
const SEND_BUFFER: u32 = 16 * 1024;

/// Longest wait for answers that no client reads any more.
const SETTLE: Duration = Duration::from_secs(2);

/// Stops when dropped. Bodies are streamed, and the `Host` header is kept, so that presigned URLs
/// for [`endpoint`](Self::endpoint) stay valid.
pub struct CountingProxy {
    server: Server,
    shared: Arc<Shared>,
}

/// A request for a source object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRead {
    /// HTTP method.
    pub method: Method,
    /// The `Range` header.
    pub range: Option<String>,
    /// HTTP status; 0 if there was no answer.
    pub status: u16,
    /// Bytes of the answer's body that were sent.
    pub bytes: u64,
    /// Time of arrival since the previous [`take`](CountingProxy::take).
    pub after: Duration,
}

struct Shared {
    upstream: Authority,
    client: Client<HttpConnector, Incoming>,
    latency: Duration,
    reads: Mutex<Reads>,
    underway: AtomicUsize,
}

struct Reads {
    since: Instant,
    all: Vec<(SourceRead, Arc<AtomicU64>)>,
}

/// Counts as in flight until dropped.
struct Underway(Arc<Shared>);

impl CountingProxy {
    /// Starts a proxy for `upstream` (`http://127.0.0.1:PORT`). Each request for a source object is
    /// delayed by `latency`.
    pub async fn start(upstream: &str, latency: Duration) -> Self {
        let upstream: Uri = upstream.parse().unwrap();
        let shared = Arc::new(Shared {
            upstream: upstream.into_parts().authority.unwrap(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            latency,
            reads: Mutex::new(Reads::new()),
            underway: AtomicUsize::new(0),
        });
        let answering = shared.clone();
        let small = Buffers {
            send: Some(SEND_BUFFER),
            // hyper's minimum: it then asks for a chunk only after sending the previous one.
            write: Some(8 * 1024),
        };
        let answer = move |request| answering.clone().answer(request);
        let server = Server::start_with(small, answer).await;
        Self { server, shared }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// The reads of source objects since the last call, in order. Waits until none is in flight,
    /// because a client may leave one when it ends.
    pub async fn take(&self) -> Vec<SourceRead> {
        let patience = Instant::now() + SETTLE;
        while self.shared.underway.load(Ordering::SeqCst) > 0 && Instant::now() < patience {
            sleep(Duration::from_millis(1)).await;
        }
        let taken = std::mem::replace(&mut *self.shared.reads.lock().unwrap(), Reads::new());
        let counted = |(read, bytes): (SourceRead, Arc<AtomicU64>)| SourceRead {
            bytes: bytes.load(Ordering::SeqCst),
            ..read
        };
        taken.all.into_iter().map(counted).collect()
    }
}

impl Shared {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
        let path = request.uri().path().strip_prefix('/').unwrap_or_default();
        let key = path.strip_prefix(FILMS).unwrap_or_default();
        if matches!(key, "" | "/") {
            return Ok(self.forward(request).await?.map(unbroken));
        }
        let underway = Underway::of(&self);
        let bytes = Arc::new(AtomicU64::new(0));
        let read = self.reads.lock().unwrap().note(&request, &bytes);
        sleep(self.latency).await;
        let answer = self.forward(request).await?;
        if let Some((noted, _)) = self.reads.lock().unwrap().all.get_mut(read) {
            noted.status = answer.status().as_u16();
        }
        Ok(answer.map(|body| {
            let counted = Counted {
                body,
                rest: Bytes::new(),
                bytes,
                _underway: underway,
            };
            counted.boxed_unsync()
        }))
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Incoming>, Broken> {
        let (mut head, body) = request.into_parts();
        let mut uri = head.uri.into_parts();
        uri.scheme = Some("http".parse().unwrap());
        uri.authority = Some(self.upstream.clone());
        head.uri = Uri::from_parts(uri).unwrap();
        let request = Request::from_parts(head, body);
        let answer = self.client.request(request).await;
        answer.map_err(|_| Broken::Closed)
    }
}

impl Reads {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            all: Vec::new(),
        }
    }

    /// Index of the new read.
    fn note(&mut self, request: &Request<Incoming>, bytes: &Arc<AtomicU64>) -> usize {
        let range = request.headers().get(RANGE);
        let read = SourceRead {
            method: request.method().clone(),
            range: range.and_then(|range| range.to_str().ok().map(str::to_owned)),
            status: 0,
            bytes: 0,
            after: self.since.elapsed(),
        };
        self.all.push((read, bytes.clone()));
        self.all.len() - 1
    }
}

impl Underway {
    fn of(shared: &Arc<Shared>) -> Self {
        shared.underway.fetch_add(1, Ordering::SeqCst);
        Self(shared.clone())
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.underway.fetch_sub(1, Ordering::SeqCst);
    }
}

fn unbroken(body: Incoming) -> Body {
    body.map_err(|_| Broken::Closed).boxed_unsync()
}

/// A body that is forwarded in small chunks, each counted when it is requested.
struct Counted {
    body: Incoming,
    rest: Bytes,
    bytes: Arc<AtomicU64>,
    _underway: Underway,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        while !self.rest.has_remaining() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(_)) => return Poll::Ready(Some(Err(Broken::Closed))),
                None => return Poll::Ready(None),
            }
        }
        let piece = PIECE.min(self.rest.len());
        let piece = self.rest.split_to(piece);
        self.bytes.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        match hint.exact() {
            Some(exact) => hint.set_exact(exact + rest),
            None => hint.set_lower(hint.lower() + rest),
        }
        hint
    }
}

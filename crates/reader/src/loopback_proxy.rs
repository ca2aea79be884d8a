//! Serves a source on a loopback port, to FFmpeg and ffprobe where they must seek for themselves. They open one URL of
//! ours and know no other.
//!
//! What they read comes through [`BlockCache`], with long requests that end when they stop reading. An error of the
//! source is kept as it was, and not as FFmpeg words it.

use std::{
    convert::Infallible,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use gifgen_probe::Input;
use http_body_util::{Either, Empty, StreamBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, RANGE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustix::{
    net::sockopt::set_socket_send_buffer_size,
    rand::{GetRandomFlags, getrandom},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use crate::{block_cache::BlockCache, error::ReadError, repaired_stream::RepairedStream};

/// How many bytes may lie unread in the socket. When FFmpeg seeks, they were read from the source in vain.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves a source on a loopback port until it is dropped.
pub struct LoopbackProxy {
    address: SocketAddr,
    url: String,
    failure: Arc<OnceLock<ReadError>>,
    serving: JoinHandle<()>,
}

/// A port could not be opened. Transient.
#[derive(Debug, thiserror::Error)]
#[error("failed to open a loopback port")]
pub struct LoopbackProxyError(#[from] std::io::Error);

impl LoopbackProxy {
    /// Serves `blocks` on a port of 127.0.0.1 that the kernel picks, at a path that nobody can guess. Other users of
    /// the machine can see the path among the arguments of FFmpeg.
    ///
    /// # Errors
    /// If there is no port.
    pub async fn start(blocks: Arc<BlockCache>) -> Result<Self, LoopbackProxyError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut secret = [0; 16];
        getrandom(&mut secret, GetRandomFlags::empty()).map_err(io::Error::from)?;
        let path = format!("/{:032x}", u128::from_ne_bytes(secret));
        let failure = Arc::new(OnceLock::new());
        let served = Served {
            blocks,
            path: path.as_str().into(),
            failure: Arc::clone(&failure),
        };
        Ok(Self {
            address,
            url: format!("http://{address}{path}"),
            failure,
            serving: tokio::spawn(accept(listener, served)),
        })
    }

    /// The URL that FFmpeg opens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL as an input of FFmpeg, with the format `container` if that is known.
    pub fn input<'a>(&'a self, container: Option<&'a str>) -> Input<'a> {
        Input::Loopback {
            url: &self.url,
            port: self.port(),
            container,
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The first error of the source, if there was one. FFmpeg got a shorter file then.
    pub fn failure(&self) -> Option<ReadError> {
        self.failure.get().cloned()
    }
}

impl Drop for LoopbackProxy {
    fn drop(&mut self) {
        // Its connections belong to the task, and end with it.
        self.serving.abort();
    }
}

impl fmt::Debug for LoopbackProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopbackProxy")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Served {
    blocks: Arc<BlockCache>,
    path: Arc<str>,
    failure: Arc<OnceLock<ReadError>>,
}

async fn accept(listener: TcpListener, served: Served) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(serve(stream, served.clone())); }
                Err(error) => {
                    // FFmpeg waits meanwhile. Mostly the process is out of file descriptors.
                    tracing::warn!(%error, "the gateway cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn serve(stream: TcpStream, served: Served) {
    let smaller = set_socket_send_buffer_size(&stream, SEND_BUFFER_BYTES);
    let set = smaller
        .map_err(Into::into)
        .and_then(|()| stream.set_nodelay(true));
    if let Err(error) = set {
        tracing::debug!(%error, "set up a connection of the gateway");
    }
    let answer = service_fn(|request| {
        let answer = served.answer(&request);
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .max_buf_size(SEND_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = connection.await {
        // FFmpeg goes away in the middle whenever it seeks.
        tracing::trace!(%error, "a connection of the gateway ended");
    }
}

type Body = Either<Empty<Bytes>, StreamBody<stream::BoxStream<'static, Piece>>>;
type Piece = Result<Frame<Bytes>, ReadError>;

impl Served {
    fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        let length = self.blocks.reader().len();
        if request.uri().path() != &*self.path || request.method() != Method::GET {
            return empty(StatusCode::NOT_FOUND);
        }
        let asked = request.headers().get(RANGE);
        let range = asked.and_then(|range| requested_range(range.to_str().ok()?, length));
        let (status, range) = match (asked, range) {
            (None, _) => (StatusCode::OK, 0..length),
            (Some(_), Some(range)) => (StatusCode::PARTIAL_CONTENT, range),
            (Some(_), None) => {
                let mut answer = empty(StatusCode::RANGE_NOT_SATISFIABLE);
                let of = format!("bytes */{length}");
                if let Ok(of) = of.parse() {
                    answer.headers_mut().insert(CONTENT_RANGE, of);
                }
                return answer;
            }
        };
        let mut answer = Response::builder()
            .status(status)
            .header(ACCEPT_RANGES, "bytes")
            .header(CONTENT_LENGTH, range.end - range.start);
        if status == StatusCode::PARTIAL_CONTENT {
            let (first, last) = (range.start, range.end - 1);
            answer = answer.header(CONTENT_RANGE, format!("bytes {first}-{last}/{length}"));
        }
        let body = Either::Right(StreamBody::new(self.stream(range)));
        answer
            .body(body)
            .unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// The body with the bytes in `range`.
    fn stream(&self, range: Range<u64>) -> stream::BoxStream<'static, Piece> {
        let failure = Arc::clone(&self.failure);
        let blocks = RepairedStream::new(Arc::clone(&self.blocks), range);
        stream::try_unfold(blocks, async |mut stream| {
            let piece = stream.next().await?;
            Ok(piece.map(|piece| (Frame::data(piece), stream)))
        })
        .inspect(move |piece| {
            if let Err(error) = piece {
                // The first one is the one that counts.
                failure.get_or_init(|| ReadError::clone(error));
            }
        })
        .boxed()
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Either::Left(Empty::new()));
    *answer.status_mut() = status;
    answer
}

/// The range that the header `Range` asks for, of a file of `length` bytes. It has an end, or goes to the end of the
/// file: FFmpeg sends no others.
fn requested_range(header: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    let end = match last {
        "" => length,
        last => last.parse::<u64>().ok()?.saturating_add(1).min(length),
    };
    (first < end).then_some(first..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_ffmpeg_writes_them() {
        assert_eq!(requested_range("bytes=0-", 10), Some(0..10));
        assert_eq!(requested_range("bytes=3-5", 10), Some(3..6));
        assert_eq!(requested_range("bytes=3-99", 10), Some(3..10));
        for none in ["bytes=10-", "bytes=-3", "bytes=5-3", "items=0-", "bytes=x-"] {
            assert_eq!(requested_range(none, 10), None, "{none}");
        }
    }
}

//! An HTTP server on a loopback port, whose connections can break instead of answering.

use std::{
    error::Error,
    fmt,
    future::{Future, poll_fn},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, future, stream};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, Broken>;

/// How a connection ends instead of an answer, or of the rest of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Closed: the client sees the end of the stream.
    Closed,
    /// Reset: the client sees an error.
    Reset,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken on purpose")
    }
}

impl Error for Broken {}

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Time for the first part of a broken answer to reach the socket.
const FLUSH: Duration = Duration::from_millis(5);

/// Limits of what is buffered between this server and its client.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Buffers {
    /// Send buffer of the sockets, in bytes.
    pub(crate) send: Option<u32>,
    /// hyper's write buffer, in bytes.
    pub(crate) write: Option<usize>,
}

/// Stops when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    _accepting: JoinSet<()>,
}

impl Server {
    /// Serves on a free port of 127.0.0.1. When a client disconnects, its request is cancelled.
    pub(crate) async fn start<A, F>(answer: A) -> Self
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + Unpin + 'static,
        F: Future<Output = Result<Response<Body>, Broken>> + Send + 'static,
    {
        Self::start_with(Buffers::default(), answer).await
    }

    /// Like [`start`](Self::start), with these buffer sizes.
    pub(crate) async fn start_with<A, F>(buffers: Buffers, answer: A) -> Self
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + Unpin + 'static,
        F: Future<Output = Result<Response<Body>, Broken>> + Send + 'static,
    {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffers.send {
            // Accepted sockets inherit it.
            socket.set_send_buffer_size(bytes).unwrap();
        }
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(BACKLOG).unwrap();
        let address = listener.local_addr().unwrap();
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, buffers, answer.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            _accepting: accepting,
        }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A complete body.
pub(crate) fn whole(body: impl Into<Bytes>) -> Body {
    Full::new(body.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body that breaks off after `part`, regardless of the announced length.
pub(crate) fn broken_off(part: Bytes, how: Broken) -> Body {
    let part = stream::once(future::ready(Ok(Frame::data(part))));
    let end = stream::once(async move {
        tokio::time::sleep(FLUSH).await;
        Err(how)
    });
    StreamBody::new(part.chain(end)).boxed_unsync()
}

async fn serve<A, F>(stream: TcpStream, buffers: Buffers, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Unpin,
    F: Future<Output = Result<Response<Body>, Broken>>,
{
    // Small answers must not wait for the client's delayed acknowledgement.
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| Box::pin(answer(request)));
    let mut http = http1::Builder::new();
    if let Some(bytes) = buffers.write {
        http.max_buf_size(bytes);
    }
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let how = ended.as_ref().err().and_then(|error| error.source());
    if how.and_then(|source| source.downcast_ref()) == Some(&Broken::Reset) {
        // Closing without lingering sends a reset.
        let stream = connection.into_parts().io.into_inner();
        stream.set_zero_linger().ok();
    }
}

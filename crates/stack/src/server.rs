//! An HTTP server on one port.

use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How long running requests may take after the server is told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// Pause after a failed accept, which usually means that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Runs until stopped or dropped.
pub(crate) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves on a free port of `address`.
    pub(crate) async fn start<S>(address: IpAddr, service: S) -> io::Result<Self>
    where
        S: Service<Request<Incoming>, Response = Response<s3s::Body>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let listener = TcpListener::bind((address, 0)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, service, stopped));
        Ok(Self {
            address,
            stop,
            accepting,
        })
    }

    /// `http://ADDRESS:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Accepts no more requests, and waits a few seconds for running ones.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.accepting).await {
            tracing::error!(error = &error as &dyn StdError, "stop a loopback server");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The task owns its connections, so they end with it.
        self.accepting.abort();
    }
}

async fn accept<S>(listener: TcpListener, service: S, mut stopped: watch::Receiver<bool>)
where
    S: Service<Request<Incoming>, Response = Response<s3s::Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop_requested(&mut stopped) => break,
            // Removes finished connections, so that the set does not grow.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Small answers must not wait for the client's delayed acknowledgement.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(error = &error as &dyn StdError, "set TCP_NODELAY");
                    }
                    connections.spawn(serve(TokioIo::new(stream), service.clone(), stopped.clone()));
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn StdError, "accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all_ended).await.is_err() {
        tracing::warn!("requests were cut off because the server stops");
    }
}

async fn serve<S>(io: TokioIo<TcpStream>, service: S, mut stopped: watch::Receiver<bool>)
where
    S: Service<Request<Incoming>, Response = Response<s3s::Body>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Large writes: at 1 GB/s the default buffer costs more than the disk.
    builder.http1().max_buf_size(1024 * 1024);
    let mut connection = pin!(builder.serve_connection(io, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop_requested(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client may close a connection at any time.
        tracing::debug!(error = &*error, "a connection ended early");
    }
}

/// Returns when the server is told to stop, or was dropped.
async fn stop_requested(stopped: &mut watch::Receiver<bool>) {
    stopped.wait_for(|stop| *stop).await.ok();
}

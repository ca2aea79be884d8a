//! The HTTP client that reads sources.

use std::{error::Error as _, io, iter, sync::Arc};

use bytes::Bytes;
use gifgen_shared::connections::{CONNECT_TIMEOUT, IDLE_TIMEOUT, MOST_IDLE};
use http_body_util::Empty;
use hyper::{Request, Response, body::Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client, Error,
        connect::{HttpConnector, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

/// How many bytes of an answer may lie unread in the kernel. If an answer is not read to its end, so many bytes are
/// transferred in vain, and a read buffer. It gives 6 MB a second where a round trip takes 20 ms, and ten times that
/// within a region.
const RECEIVE_BUFFER_BYTES: usize = 128 * 1024;

/// How many bytes of an answer are read at once.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// A client with its pool of connections, one for each process. Cloning is cheap. A connection that the peer closed
/// while the process was frozen costs no attempt: [`gifgen_shared::connections`] says how.
#[derive(Clone, Debug)]
pub struct Http {
    pooled: Pool,
    /// Opens a connection for each request.
    fresh: Pool,
}

type Pool = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up TLS")]
pub struct NoTls(#[from] rustls::Error);

impl Http {
    /// A client that verifies servers with the system's certificates, as the AWS SDKs do. If there are none, it still
    /// reaches servers without TLS, on loopback.
    ///
    /// # Errors
    /// If TLS cannot be set up at all.
    pub fn new() -> Result<Self, NoTls> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_recv_buffer_size(Some(RECEIVE_BUFFER_BYTES));
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            tracing::warn!(errors = ?found.errors, "no certificates: install ca-certificates");
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = |most_idle| {
            let mut builder = Client::builder(TokioExecutor::new());
            builder
                .http1_max_buf_size(READ_BUFFER_BYTES)
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(most_idle)
                .build(connector.clone())
        };
        Ok(Self {
            pooled: client(MOST_IDLE),
            fresh: client(0),
        })
    }

    /// Sends a request, and once more if the connection breaks before the answer; calls `count` each time.
    pub(crate) async fn send(
        &self,
        mut request: Request<Empty<Bytes>>,
        count: impl Fn(),
    ) -> Result<Response<Incoming>, Error> {
        let again = request.clone();
        let connection = capture_connection(&mut request);
        count();
        let answer = self.pooled.request(request).await;
        let was_connected = connection.connection_metadata().is_some();
        match answer {
            Err(error) if was_connected && is_broken(&error) => {
                tracing::debug!(%error, "a connection broke before the answer; a new one is tried");
                count();
                self.fresh.request(again).await
            }
            answer => answer,
        }
    }
}

/// Whether the connection broke before the answer; a malformed answer does not count.
fn is_broken(error: &Error) -> bool {
    iter::successors(error.source(), |&cause| cause.source()).any(|cause| {
        let hyper = cause.downcast_ref::<hyper::Error>();
        cause.is::<io::Error>()
            || hyper.is_some_and(|error| {
                error.is_incomplete_message() || error.is_closed() || error.is_canceled()
            })
    })
}

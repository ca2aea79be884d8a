//! The HTTP client that reads sources.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, Response, body::Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

/// How many bytes of an answer may lie in the kernel unread. What is asked for and then not needed
/// after all is paid for up to here, and what the next one holds. It gives 6 MB a second where a round trip
/// takes 20 ms, and ten times that within a region.
const RECEIVE_BUFFER_BYTES: usize = 128 * 1024;

/// How many bytes of an answer are read at once.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// A client with its pool of connections, one for each process. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Http(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up TLS: {0}")]
pub struct NoTls(#[from] rustls::Error);

impl Http {
    /// A client that checks servers by the system's certificates, as the AWS SDKs do. Where there
    /// are none it still reaches servers without TLS, on loopback.
    ///
    /// # Errors
    /// If TLS cannot be set up at all.
    pub fn new() -> Result<Self, NoTls> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
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
        let mut builder = Client::builder(TokioExecutor::new());
        builder.http1_max_buf_size(READ_BUFFER_BYTES);
        Ok(Self(builder.build(connector)))
    }

    pub(crate) async fn send(
        &self,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        self.0.request(request).await
    }
}

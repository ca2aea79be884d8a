//! The HTTP client that reads sources.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, Response, body::Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::crypto::aws_lc_rs;

/// How many bytes of an answer may lie in the kernel unread. What is asked for and then not needed
/// after all is paid for up to here; 1 MiB still gives 50 MB a second at 20 ms.
const RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;

/// A client with its pool of connections, one for each process. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Http(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

/// There are no certificates to check servers by.
#[derive(Debug, thiserror::Error)]
#[error("failed to load the system's certificates: {0}; install ca-certificates")]
pub struct NoCertificates(#[from] std::io::Error);

impl Http {
    /// A client that checks servers by the system's certificates, as the AWS SDKs do.
    ///
    /// # Errors
    /// If there are none.
    pub fn new() -> Result<Self, NoCertificates> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_recv_buffer_size(Some(RECEIVE_BUFFER_BYTES));
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(aws_lc_rs::default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    pub(crate) async fn send(
        &self,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        self.0.request(request).await
    }
}

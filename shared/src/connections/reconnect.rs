//! Replaces connections that the peer forgot while a Lambda function was frozen.
//!
//! A frozen process does not notice that a connection was closed: its next request on that connection is
//! reset. A worker uploads over many connections at once. Several may be dead, and each would cost an
//! attempt. Three measures prevent that:
//!
//! - An idle connection is dropped before peers and NATs forget it, and there are few of them. The clock
//!   of a frozen machine may stand still, so this alone is not enough.
//! - hyper itself resends a request if the connection closed before any of the request was written.
//! - If a connection breaks before the answer begins, the request is sent once more over a new
//!   connection, within the same attempt. Only a second break costs an attempt. One exception: uploads
//!   of files without TLS. There the SDK signs chunks in sequence, and the signatures are not valid for
//!   another request, so the first break costs an attempt.
//!
//! A request that was sent twice may have been handled twice. The same holds for every retry of the SDK:
//! a conditional write may find its own earlier result.

use std::{fmt, sync::Arc, time::Duration};

use aws_sdk_s3::config::{
    ConfigBag, HttpClient, RuntimeComponents, RuntimeComponentsBuilder, SharedHttpClient,
    http::HttpRequest,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connection::CaptureSmithyConnection,
        http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        result::ConnectorError,
    },
};

/// Idle time after which a connection is dropped. Some NATs and load balancers forget one after 10 s.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(8);

/// Limit of idle connections to one host.
pub const MOST_IDLE: usize = 4;

/// Time limit for connecting, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A pooled HTTP client, and one without a pool for requests that failed over a forgotten connection.
#[derive(Debug)]
pub(super) struct Reconnecting {
    pooled: SharedHttpClient,
    fresh: SharedHttpClient,
}

impl Reconnecting {
    pub(super) fn new() -> Self {
        let client = |most_idle| {
            Builder::new()
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(most_idle)
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .build_https()
        };
        Self {
            pooled: client(MOST_IDLE),
            fresh: client(0),
        }
    }
}

impl HttpClient for Reconnecting {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let (fresh, settings, components) =
            (self.fresh.clone(), settings.clone(), components.clone());
        SharedHttpConnector::new(Connector {
            pooled: self.pooled.http_connector(&settings, &components),
            // Created on first use, because it loads the system's certificates again.
            fresh: Arc::new(move || fresh.http_connector(&settings, &components)),
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.pooled.validate_base_client_config(components, config)
    }
}

struct Connector {
    pooled: SharedHttpConnector,
    fresh: Arc<dyn Fn() -> SharedHttpConnector + Send + Sync>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // The SDK's interceptor that discards broken connections reads it from each request.
        let capture = request.extension::<CaptureSmithyConnection>().cloned();
        // A clone lacks the extensions. A request whose body cannot be read twice cannot be cloned.
        let again = (!is_signed_in_chunks(&request))
            .then(|| request.try_clone())
            .flatten();
        let fresh = Arc::clone(&self.fresh);
        let first = self.pooled.call(request);
        HttpConnectorFuture::new(async move {
            let answer = first.await;
            let was_connected = capture
                .as_ref()
                .is_some_and(|capture| capture.get().is_some());
            match (answer, again) {
                (Err(error), Some(mut again)) if was_connected && is_broken(&error) => {
                    tracing::debug!(%error, "a connection broke before the answer; a new one is tried");
                    if let Some(capture) = capture {
                        again.add_extension(capture);
                    }
                    fresh().call(again).await
                }
                (answer, _) => answer,
            }
        })
    }
}

fn is_signed_in_chunks(request: &HttpRequest) -> bool {
    let hash = request.headers().get("x-amz-content-sha256");
    hash.is_some_and(|hash| hash.starts_with("STREAMING-AWS4-"))
}

/// Whether the connection broke before an answer began. A timeout does not count.
fn is_broken(error: &ConnectorError) -> bool {
    error.is_io() || error.as_other().is_some()
}

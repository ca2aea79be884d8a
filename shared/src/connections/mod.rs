//! The clients of S3 and EventBridge, and how they treat connections that die, requests that are not
//! answered, and servers that throttle. Both functions, `gifgen` and the tests build theirs here.
//!
//! - `reconnect`: idle connections that the peer has forgotten.
//! - `patience`: how long an attempt may take, and how often a request is sent.

mod patience;
mod reconnect;

use aws_sdk_s3::config::{
    SharedHttpClient,
    retry::{RetryConfig, RetryPartition, TokenBucket},
    timeout::TimeoutConfig,
};
use aws_types::{SdkConfig, service_config::ServiceConfigKey};

pub use self::reconnect::{CONNECT_TIMEOUT, IDLE_TIMEOUT, MOST_IDLE};
use self::{
    patience::{Passing, Patience},
    reconnect::Reconnecting,
};
use crate::backoff::{Backoff, LONGEST_ATTEMPT};

/// The variable that chooses how buckets are addressed.
const ADDRESSING_STYLE: &str = "S3_ADDRESSING_STYLE";

/// What the clients of one process have in common: an HTTP client with its pool of connections.
#[derive(Clone, Debug)]
pub struct Connections {
    aws: SdkConfig,
    http: SharedHttpClient,
    addressing: Addressing,
}

/// How the bucket is named in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// In the path if an endpoint is set, else in the host.
    Automatic,
    /// In the path: `https://endpoint/bucket/key`.
    Path,
    /// In the host: `https://bucket.endpoint/key`.
    Host,
}

/// `S3_ADDRESSING_STYLE` has a value that it cannot have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{ADDRESSING_STYLE} is {0:?}, and must be auto, path or virtual")]
pub struct AddressingError(String);

impl Addressing {
    /// Reads it through `variable`, which is `std::env::var` in production.
    ///
    /// # Errors
    /// If the value is none of `auto`, `path` and `virtual`, the names that the AWS CLI uses.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, AddressingError> {
        match variable(ADDRESSING_STYLE).as_deref() {
            None | Some("" | "auto") => Ok(Self::Automatic),
            Some("path") => Ok(Self::Path),
            Some("virtual") => Ok(Self::Host),
            Some(other) => Err(AddressingError(other.to_owned())),
        }
    }

    /// The same, from the environment of this process.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of_environment() -> Result<Self, AddressingError> {
        Self::read(|name| std::env::var(name).ok())
    }
}

impl Connections {
    /// Clients for what `aws` names: region, credentials, endpoints, and whether uploads carry a
    /// checksum as a trailer (`AWS_REQUEST_CHECKSUM_CALCULATION=when_required` turns that off).
    pub fn new(aws: SdkConfig, addressing: Addressing) -> Self {
        Self {
            aws,
            http: SharedHttpClient::new(Reconnecting::new()),
            addressing,
        }
    }

    /// A client for S3.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let path_style = match self.addressing {
            // A host such as `bucket.localhost` rarely resolves, and S3s other than AWS take the path.
            Addressing::Automatic => endpoint_is_set(&self.aws),
            Addressing::Path => true,
            Addressing::Host => false,
        };
        let config = aws_sdk_s3::config::Builder::from(&self.aws)
            .http_client(self.http.clone())
            .timeout_config(timeouts())
            .retry_config(retries(Backoff::USUAL))
            .retry_partition(partition())
            .retry_classifier(Passing)
            .interceptor(Patience)
            .force_path_style(path_style)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// A client for EventBridge. A run has begun whose events it sends, so it tries for longer than S3's:
    /// until the deadline, if there is one. What fails of a request [`crate::publish`] sends again.
    pub fn event_bridge(&self) -> aws_sdk_eventbridge::Client {
        let config = aws_sdk_eventbridge::config::Builder::from(&self.aws)
            .http_client(self.http.clone())
            .timeout_config(timeouts())
            .retry_config(retries(Backoff::PERSISTENT))
            .retry_partition(partition())
            .retry_classifier(Passing)
            .interceptor(Patience)
            .build();
        aws_sdk_eventbridge::Client::from_conf(config)
    }
}

/// Whether an endpoint for S3 is set, in the environment, in a profile or in the program.
fn endpoint_is_set(aws: &SdkConfig) -> bool {
    let of_service = || {
        let key = ServiceConfigKey::builder()
            .service_id("S3")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url");
        aws.service_config()?.load_config(key.build().ok()?)
    };
    aws.endpoint_url().is_some() || of_service().is_some()
}

/// Without a deadline. `Patience` shortens and lengthens them.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(LONGEST_ATTEMPT)
        .build()
}

/// A rule, as the SDK wants it. Its pauses have full jitter, too.
fn retries(rule: Backoff) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(rule.attempts)
        .with_initial_backoff(rule.first)
        .with_max_backoff(rule.longest)
}

/// The SDK's own bucket of 500 tokens, at five or ten a retry, is empty after 50 of the retries that a
/// throttled film needs; then nothing is retried at all. The attempts and the deadline are the bound here.
fn partition() -> RetryPartition {
    RetryPartition::custom("gifgen")
        .token_bucket(TokenBucket::unlimited())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Addressing, AddressingError> {
        Addressing::read(|name| (name == ADDRESSING_STYLE).then(|| value.to_owned()))
    }

    #[test]
    fn the_addressing_style_is_read_as_the_aws_cli_names_it() {
        assert_eq!(Addressing::read(|_| None), Ok(Addressing::Automatic));
        assert_eq!(read(""), Ok(Addressing::Automatic));
        assert_eq!(read("auto"), Ok(Addressing::Automatic));
        assert_eq!(read("path"), Ok(Addressing::Path));
        assert_eq!(read("virtual"), Ok(Addressing::Host));
        assert_eq!(
            read("Path").unwrap_err().to_string(),
            "S3_ADDRESSING_STYLE is \"Path\", and must be auto, path or virtual"
        );
    }
}

//! Builds the clients of S3 and EventBridge. It decides how they treat broken connections, unanswered
//! requests and throttling. Both functions, `gifgen` and the tests use these clients.
//!
//! - `reconnect`: idle connections that the peer has forgotten.
//! - `attempts`: the timeout and the number of attempts.

mod attempts;
mod reconnect;

use aws_sdk_s3::config::{
    SharedHttpClient,
    retry::{RetryConfig, RetryPartition, TokenBucket},
    timeout::TimeoutConfig,
};
use aws_types::{SdkConfig, service_config::ServiceConfigKey};

pub use self::reconnect::{CONNECT_TIMEOUT, IDLE_TIMEOUT, MOST_IDLE};
use self::{
    attempts::{AttemptLimits, TransientErrors},
    reconnect::Reconnecting,
};
use crate::backoff::{Backoff, LONGEST_ATTEMPT};

/// Environment variable that chooses how buckets are addressed.
const ADDRESSING_STYLE: &str = "S3_ADDRESSING_STYLE";

/// The AWS configuration and the HTTP connection pool that the clients of one process share.
#[derive(Clone, Debug)]
pub struct Connections {
    aws: SdkConfig,
    http: SharedHttpClient,
    addressing: Addressing,
}

/// Where a request puts the bucket's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// In the path if an endpoint is set, else in the host.
    Automatic,
    /// In the path: `https://endpoint/bucket/key`.
    Path,
    /// In the host: `https://bucket.endpoint/key`.
    Host,
}

/// The value of `S3_ADDRESSING_STYLE` is invalid.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{ADDRESSING_STYLE} is {0:?}, and must be auto, path or virtual")]
pub struct AddressingError(String);

impl Addressing {
    /// Reads `S3_ADDRESSING_STYLE` through `variable`, which is `std::env::var` in production.
    ///
    /// # Errors
    /// If the value is not `auto`, `path` or `virtual`. The AWS CLI uses the same names.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, AddressingError> {
        match variable(ADDRESSING_STYLE).as_deref() {
            None | Some("" | "auto") => Ok(Self::Automatic),
            Some("path") => Ok(Self::Path),
            Some("virtual") => Ok(Self::Host),
            Some(other) => Err(AddressingError(other.to_owned())),
        }
    }

    /// Reads `S3_ADDRESSING_STYLE` from the environment of this process.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of_environment() -> Result<Self, AddressingError> {
        Self::read(|name| std::env::var(name).ok())
    }
}

impl Connections {
    /// Creates connections from `aws`. It holds the region, credentials and endpoints, and whether
    /// uploads carry a checksum as a trailer (`AWS_REQUEST_CHECKSUM_CALCULATION=when_required` turns
    /// that off).
    pub fn new(aws: SdkConfig, addressing: Addressing) -> Self {
        Self {
            aws,
            http: SharedHttpClient::new(Reconnecting::new()),
            addressing,
        }
    }

    /// Creates an S3 client over the shared pool.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let path_style = match self.addressing {
            // A host such as `bucket.localhost` rarely resolves, and S3 servers other than AWS take the
            // path.
            Addressing::Automatic => endpoint_is_set(&self.aws),
            Addressing::Path => true,
            Addressing::Host => false,
        };
        let config = aws_sdk_s3::config::Builder::from(&self.aws)
            .http_client(self.http.clone())
            .timeout_config(timeouts())
            .retry_config(retries(Backoff::USUAL))
            .retry_partition(partition())
            .retry_classifier(TransientErrors)
            .interceptor(AttemptLimits)
            .force_path_style(path_style)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// Creates an EventBridge client over the shared pool. Its events belong to a run that has already
    /// begun, so it retries longer than the S3 client: until the deadline, if there is one.
    /// [`crate::publish`] resends single entries that failed.
    pub fn event_bridge(&self) -> aws_sdk_eventbridge::Client {
        let config = aws_sdk_eventbridge::config::Builder::from(&self.aws)
            .http_client(self.http.clone())
            .timeout_config(timeouts())
            .retry_config(retries(Backoff::PERSISTENT))
            .retry_partition(partition())
            .retry_classifier(TransientErrors)
            .interceptor(AttemptLimits)
            .build();
        aws_sdk_eventbridge::Client::from_conf(config)
    }
}

/// Whether the environment, the profile or the program sets an endpoint for S3.
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

/// The timeouts without a deadline. `AttemptLimits` adapts them.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(LONGEST_ATTEMPT)
        .build()
}

/// Converts `rule` for the SDK, whose pauses have full jitter too.
fn retries(rule: Backoff) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(rule.attempts)
        .with_initial_backoff(rule.first)
        .with_max_backoff(rule.longest)
}

/// Removes the SDK's retry quota. That is 500 tokens at five or ten a retry, so some 50 retries of a
/// throttled film would use it up and nothing would be retried. Here the attempts and the deadline are
/// the limit.
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

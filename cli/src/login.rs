//! Credentials of the person who runs `gifgen`.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, future},
};

/// Credentials are renewed this long before they expire.
const BEFORE_EXPIRY: Duration = Duration::from_secs(300);

/// Loads the AWS configuration of the environment and its profile, and fetches credentials without a
/// time limit. A `credential_process` may ask a person for a second factor. Within a request the SDK
/// would allow it only the time of one attempt.
pub async fn log_in() -> SdkConfig {
    let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let Some(provider) = aws.credentials_provider() else {
        return aws;
    };
    // If this fails, the first request reports the reason.
    match provider.provide_credentials().await {
        Ok(first) => {
            let provider = SharedCredentialsProvider::new(LoggedIn { first, provider });
            let aws = aws.into_builder().credentials_provider(provider);
            aws.build()
        }
        Err(_) => aws,
    }
}

/// Fetched credentials, and the provider of the next ones.
#[derive(Debug)]
struct LoggedIn {
    first: Credentials,
    provider: SharedCredentialsProvider,
}

impl ProvideCredentials for LoggedIn {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let soon = SystemTime::now() + BEFORE_EXPIRY;
        if self.first.expiry().is_none_or(|expiry| expiry > soon) {
            return future::ProvideCredentials::ready(Ok(self.first.clone()));
        }
        self.provider.provide_credentials()
    }
}

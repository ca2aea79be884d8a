//! The credentials of the person who calls `gifgen`.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, future},
};

/// How long before they expire credentials are fetched anew.
const BEFORE_EXPIRY: Duration = Duration::from_secs(300);

/// What the environment and its profile say. Credentials are fetched here, and as long as that takes: a
/// `credential_process` may ask a person for a second factor, and within a request the SDK would give it
/// only the time of one attempt.
pub async fn log_in() -> SdkConfig {
    let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let Some(provider) = aws.credentials_provider() else {
        return aws;
    };
    // If this fails, the first request says why.
    match provider.provide_credentials().await {
        Ok(first) => {
            let provider = SharedCredentialsProvider::new(LoggedIn { first, provider });
            let aws = aws.into_builder().credentials_provider(provider);
            aws.build()
        }
        Err(_) => aws,
    }
}

/// Credentials that were fetched, and where the next ones come from.
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

//! SDK clients for servers on this machine.

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use gifgen_shared::{Addressing, Connections};

/// The clients' region. Loopback servers accept any.
pub const REGION: &str = "us-east-1";

/// An S3 client as the functions build it, path style, for the server at `endpoint`.
pub fn s3(endpoint: &str, access_key_id: &str, secret_access_key: &str) -> aws_sdk_s3::Client {
    connections(endpoint, access_key_id, secret_access_key).s3()
}

/// An EventBridge client as the functions build it, for the server at `endpoint`.
pub fn event_bridge(
    endpoint: &str,
    access_key_id: &str,
    secret_access_key: &str,
) -> aws_sdk_eventbridge::Client {
    connections(endpoint, access_key_id, secret_access_key).event_bridge()
}

fn connections(endpoint: &str, access_key_id: &str, secret_access_key: &str) -> Connections {
    let credentials = credentials(access_key_id, secret_access_key);
    let aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new(REGION))
        .build();
    Connections::new(aws, Addressing::Automatic)
}

fn credentials(access_key_id: &str, secret_access_key: &str) -> Credentials {
    Credentials::new(
        access_key_id,
        secret_access_key,
        None,
        None,
        "gifgen-testkit",
    )
}

//! SDK clients for servers on this machine.

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};

/// The region that clients name. Loopback servers take any.
pub const REGION: &str = "us-east-1";

/// An S3 client, path style, for the server at `endpoint`.
pub fn s3(endpoint: &str, access_key_id: &str, secret_access_key: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .credentials_provider(credentials(access_key_id, secret_access_key))
        .region(Region::new(REGION))
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// An EventBridge client for the server at `endpoint`.
pub fn event_bridge(
    endpoint: &str,
    access_key_id: &str,
    secret_access_key: &str,
) -> aws_sdk_eventbridge::Client {
    let config = aws_sdk_eventbridge::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .credentials_provider(credentials(access_key_id, secret_access_key))
        .region(Region::new(REGION))
        .build();
    aws_sdk_eventbridge::Client::from_conf(config)
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

//! Events that start the splitter, in both formats, and the saved events in `events/`.

use std::fs;

use chrono::Utc;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::workspace_root;

/// Characters that S3's notifications encode in keys.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'*')
    .remove(b'_')
    .remove(b'/');

/// An S3 notification about these objects (bucket, key, ETag). The keys get form-encoded.
pub fn s3_notification(objects: &[(&str, &str, &str)]) -> Value {
    let records: Vec<Value> = objects
        .iter()
        .map(|(bucket, key, etag)| notification_record(bucket, &form_encoded(key), etag))
        .collect();
    json!({"Records": records})
}

/// A record of an S3 notification. The key is used as given.
pub fn notification_record(bucket: &str, encoded_key: &str, etag: &str) -> Value {
    json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": format!("arn:aws:s3:::{bucket}")},
            "object": {"key": encoded_key, "size": 1, "eTag": unquoted(etag), "sequencer": "00"},
        },
    })
}

/// An EventBridge `Object Created` event. The key is not encoded.
pub fn object_created(bucket: &str, key: &str, etag: &str) -> Value {
    json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [format!("arn:aws:s3:::{bucket}")],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": 1, "etag": unquoted(etag), "sequencer": "00"},
            "reason": "PutObject",
        },
    })
}

/// An EventBridge `Object Restore Completed` event for an archived object.
pub fn object_restored(bucket: &str, key: &str, etag: &str) -> Value {
    let mut event = object_created(bucket, key, etag);
    event["detail-type"] = json!("Object Restore Completed");
    event["time"] = json!(Utc::now());
    let detail = event["detail"].as_object_mut().unwrap();
    detail.remove("reason");
    detail.insert("requester".into(), json!("s3.amazonaws.com"));
    detail.insert("restore-expiry-time".into(), json!("2026-01-08T00:00:00Z"));
    detail.insert("source-storage-class".into(), json!("GLACIER"));
    event
}

/// Encodes a key as S3's notifications do: a space becomes `+`, a plus `%2B`.
pub fn form_encoded(key: &str) -> String {
    utf8_percent_encode(key, PLAIN)
        .to_string()
        .replace("%20", "+")
}

/// A saved event from the folder `events`.
pub fn saved(name: &str) -> Value {
    let path = workspace_root().join("events").join(name);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Notifications contain ETags without quotes.
fn unquoted(etag: &str) -> &str {
    etag.trim_matches('"')
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_are_encoded_as_in_the_saved_notification() {
        let saved = super::saved("s3-put.json");
        let encoded = super::form_encoded("holiday films/100% café + crème (take 2) 東京.mp4");
        assert_eq!(saved["Records"][0]["s3"]["object"]["key"], encoded);
    }
}

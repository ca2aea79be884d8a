//! The `Object Created` event that S3 sends to EventBridge.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use chrono::Utc;
use serde::Serialize;
use serde_json::json;

use crate::bus::{ACCOUNT, Bus, NewEvent};
use crate::ids::random_hex;

/// A new object, to be announced.
pub(crate) struct Created {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) etag: String,
    pub(crate) reason: Reason,
}

/// The API call that created an object.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) enum Reason {
    PutObject,
    CopyObject,
    CompleteMultipartUpload,
}

impl Created {
    /// Publishes the event. Its keys are not URL-encoded, unlike in S3's own notifications.
    pub(crate) fn announce(self, bus: &Bus) {
        let announced = random_hex::<8>()
            .map_err(Into::into)
            .and_then(|request_id| {
                bus.publish(NewEvent {
                    source: "aws.s3".into(),
                    detail_type: "Object Created".into(),
                    time: Utc::now(),
                    resources: vec![format!("arn:aws:s3:::{}", self.bucket)],
                    detail: json!({
                        "version": "0",
                        "bucket": {"name": self.bucket},
                        "object": {
                            "key": self.key,
                            "size": self.bytes,
                            "etag": self.etag,
                            "sequencer": sequencer(),
                        },
                        "request-id": request_id.to_uppercase(),
                        "requester": ACCOUNT,
                        "source-ip-address": "127.0.0.1",
                        "reason": self.reason,
                    }),
                })
            });
        if let Err(error) = announced {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                key = self.key,
                "announce an object"
            );
        }
    }
}

/// Hexadecimal digits that increase with each event, also over restarts: nanoseconds since the Unix
/// epoch, or the previous value plus one if the clock did not advance.
fn sequencer() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0));
    let next = |last: u64| now.max(last.saturating_add(1));
    let last = LAST
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            Some(next(last))
        })
        .unwrap_or_else(|last| last);
    format!("{:018X}", next(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequencers_grow() {
        let sequencers: Vec<_> = (0..1000).map(|_| sequencer()).collect();
        assert!(sequencers.is_sorted());
        assert_ne!(sequencers[0], sequencers[1]);
    }
}

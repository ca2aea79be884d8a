//! Parses the events that start the splitter: S3 notifications, and EventBridge's `Object Created` and
//! `Object Restore Completed`.

use chrono::{DateTime, Utc};
use gifgen_shared::{ETag, Source, SourceKey, SourceKeyError};
use serde::Deserialize;
use serde_json::Value;

/// An object that was created or restored from an archive, as the event names it.
#[derive(Debug)]
pub struct Created {
    /// Bucket of the object.
    pub bucket: String,
    /// Key as S3 stores it, even if it is not a legal source key.
    pub raw_key: String,
    /// Key as a source key, or why it is not one.
    pub key: Result<SourceKey, SourceKeyError>,
    /// Version of the object, if the event tells it.
    pub etag: Option<ETag>,
    /// When the object was restored; `None` if it was created, or the event has no time.
    pub restored_at: Option<DateTime<Utc>>,
}

/// The event has neither shape. Permanent.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// Neither `Records` nor a detail of `Object Created` or `Object Restore Completed`.
    #[error(
        "this event is no S3 notification (with `Records`) and no EventBridge `Object Created` or `Object Restore Completed` event"
    )]
    UnknownShape,
    /// The shape is known, but fields are missing or wrong.
    #[error("this {shape} lacks what is needed")]
    Malformed {
        /// Name of the shape.
        shape: &'static str,
        /// Which field is missing or wrong.
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(default)]
    event_name: String,
    event_time: Option<DateTime<Utc>>,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    #[serde(alias = "eTag")]
    etag: Option<ETag>,
}

/// The objects that `event` reports as created, or as restored from an archive and so readable. Other
/// records report none: removals, for example, and the `s3:TestEvent` that S3 sends when a notification
/// is set up. A malformed record does not affect the others. Messages of a queue, which are `Records`
/// too, are errors.
///
/// # Errors
/// If the event has neither shape.
pub fn created_objects(event: &Value) -> Result<Vec<Result<Created, TriggerError>>, TriggerError> {
    if event["Event"] == "s3:TestEvent" {
        return Ok(Vec::new());
    }
    if let Some(Value::Array(records)) = event.get("Records")
        && !records
            .iter()
            .any(|record| record["eventSource"] == "aws:sqs")
    {
        let records = records.iter().map(Record::deserialize);
        let created = records.filter_map(|record| match record {
            Ok(record) if !is_readable_now(&record.event_name) => None,
            Ok(record) => {
                let time = record.event_time;
                let restored_at = time.filter(|_| record.event_name.contains(RESTORED));
                Some(Ok(from_notification(record.s3, restored_at)))
            }
            Err(source) => Some(Err(malformed("S3 notification", source))),
        });
        return Ok(created.collect());
    }
    let (shape, restored_at) = match event["detail-type"].as_str() {
        Some("Object Created") => ("`Object Created` event", None),
        Some("Object Restore Completed") => (
            "`Object Restore Completed` event",
            event["time"].as_str().and_then(|time| time.parse().ok()),
        ),
        _ => return Err(TriggerError::UnknownShape),
    };
    let created = Entity::deserialize(&event["detail"])
        .map(|entity| from_event_bridge(entity, restored_at))
        .map_err(|source| malformed(shape, source));
    Ok(vec![created])
}

/// Whether a notification of this name reports an object that can be read. A record without a name does,
/// because minimal senders leave it out.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
fn is_readable_now(event_name: &str) -> bool {
    event_name.is_empty() || event_name.contains("ObjectCreated:") || event_name.contains(RESTORED)
}

/// Part of the names of notifications about restored objects.
const RESTORED: &str = "ObjectRestore:Completed";

fn malformed(shape: &'static str, source: serde_json::Error) -> TriggerError {
    TriggerError::Malformed { shape, source }
}

fn from_notification(entity: Entity, restored_at: Option<DateTime<Utc>>) -> Created {
    let key = SourceKey::form_encoded(&entity.object.key);
    Created {
        bucket: entity.bucket.name,
        raw_key: key
            .as_ref()
            .map_or(entity.object.key, |key| key.to_string()),
        key,
        etag: entity.object.etag,
        restored_at,
    }
}

fn from_event_bridge(entity: Entity, restored_at: Option<DateTime<Utc>>) -> Created {
    Created {
        bucket: entity.bucket.name,
        key: SourceKey::plain(&entity.object.key),
        raw_key: entity.object.key,
        etag: entity.object.etag,
        restored_at,
    }
}

impl Created {
    /// The source that this object is.
    ///
    /// # Errors
    /// If its key is not a source key.
    pub fn source(&self) -> Result<Source, &SourceKeyError> {
        Ok(Source {
            bucket: self.bucket.clone(),
            key: self.key.as_ref()?.clone(),
            etag: self.etag.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use gifgen_shared::with_causes;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn keys(event: &Value) -> Vec<String> {
        created_objects(event)
            .unwrap()
            .into_iter()
            .map(|created| created.unwrap().raw_key)
            .collect()
    }

    #[test]
    fn keys_of_a_notification_are_form_decoded() {
        let event = json!({"Records": [
            {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "films"}, "object": {"key": "my+film%2Bmore.mp4", "eTag": "9b2c"}}},
            {"eventName": "ObjectRemoved:Delete", "s3": {"bucket": {"name": "films"}, "object": {"key": "gone.mp4"}}},
            {"s3": {"bucket": {"name": "films"}, "object": {"key": "b.mp4"}}}]});
        assert_eq!(keys(&event), ["my film+more.mp4", "b.mp4"]);
        let created = created_objects(&event).unwrap().remove(0).unwrap();
        assert_eq!(created.etag.as_ref().unwrap().as_str(), "\"9b2c\"");
    }

    #[test]
    fn keys_of_an_event_bridge_event_are_plain() {
        let event = json!({"source": "aws.s3", "detail-type": "Object Created", "detail":
            {"bucket": {"name": "films"}, "object": {"key": "my+film%2B.mp4", "etag": "9b2c", "size": 5}}});
        assert_eq!(keys(&event), ["my+film%2B.mp4"]);
    }

    #[test]
    fn an_object_that_is_restored_from_an_archive_starts_the_splitter_and_a_request_to_restore_does_not()
     {
        let event = json!({"source": "aws.s3", "detail-type": "Object Restore Completed", "detail":
            {"version": "0", "bucket": {"name": "films"},
             "object": {"key": "a+b.mp4", "size": 5, "etag": "9b2c", "version-id": "v"},
             "request-id": "C3D13FE58DE4C810", "requester": "s3.amazonaws.com",
             "restore-expiry-time": "2021-11-13T00:00:00Z", "source-storage-class": "GLACIER"}});
        assert_eq!(keys(&event), ["a+b.mp4"]);
        let record = |name: &str| json!({"eventName": name, "s3": {"bucket": {"name": "films"}, "object": {"key": name}}});
        let event = json!({"Records": [record("ObjectRestore:Post"), record("ObjectRestore:Completed"),
            record("ObjectRestore:Delete"), record("s3:ObjectCreated:CompleteMultipartUpload")]});
        assert_eq!(
            keys(&event),
            [
                "ObjectRestore:Completed",
                "s3:ObjectCreated:CompleteMultipartUpload"
            ]
        );
    }

    #[test]
    fn the_test_event_of_s3_tells_of_no_object() {
        let event = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "films"});
        assert!(keys(&event).is_empty());
    }

    #[test]
    fn other_events_are_refused_with_the_reason() {
        let error = created_objects(&json!({"detail": {}})).unwrap_err();
        assert!(error.to_string().contains("no S3 notification"));
        let event = json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]});
        assert!(created_objects(&event).is_err());
        let event = json!({"Records": [{"Sns": {}}]});
        let error = created_objects(&event).unwrap().remove(0).unwrap_err();
        assert!(
            with_causes(&error).contains("missing field `s3`"),
            "{error}"
        );
    }

    #[test]
    fn one_bad_record_leaves_the_others_alone() {
        let long = "k".repeat(1020);
        let event = json!({"Records": [
            {"s3": {"bucket": {"name": "b"}, "object": {"key": long}}},
            {"s3": {"bucket": {"name": "b"}}},
            {"s3": {"bucket": {"name": "b"}, "object": {"key": "ok.mp4"}}}]});
        let created = created_objects(&event).unwrap();
        assert!(created[0].as_ref().unwrap().source().is_err());
        assert!(created[1].is_err());
        assert!(created[2].as_ref().unwrap().source().is_ok());
    }

    proptest! {
        #[test]
        fn any_plain_key_of_event_bridge_arrives_unchanged(key in ".{1,300}") {
            let event = json!({"detail-type": "Object Created",
                "detail": {"bucket": {"name": "b"}, "object": {"key": key.clone()}}});
            prop_assert_eq!(keys(&event), vec![key]);
        }
    }
}

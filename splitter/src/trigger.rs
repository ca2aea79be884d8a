//! What starts the splitter: an S3 notification, or an EventBridge `Object Created` event.

use gifgen_shared::{
    source::{ETag, Source},
    source_key::{SourceKey, SourceKeyError},
};
use serde::Deserialize;
use serde_json::Value;

/// One object that was created, as its event names it.
#[derive(Debug)]
pub struct Created {
    /// Bucket of the object.
    pub bucket: String,
    /// The key as S3 has it, also when it is no legal source key.
    pub raw_key: String,
    /// The key as a source's.
    pub key: Result<SourceKey, SourceKeyError>,
    /// Version of the object, if the event tells it.
    pub etag: Option<ETag>,
}

/// An event that is neither of the two shapes. Permanent.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// Neither `Records` nor an `Object Created` detail.
    #[error(
        "this event is no S3 notification (with `Records`) and no EventBridge `Object Created` event"
    )]
    UnknownShape,
    /// One of the shapes, but with missing or wrong fields.
    #[error("this {shape} lacks what is needed: {source}")]
    Malformed {
        /// The shape.
        shape: &'static str,
        /// What is missing.
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(default)]
    event_name: String,
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

/// The objects whose creation `event` tells of. Records of other events (removals, say) and the
/// `s3:TestEvent` that S3 sends when a notification is set up tell of none. A malformed record
/// leaves the others alone. Messages of a queue, which are `Records` too, are not for the splitter.
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
            Ok(record) if record.event_name.contains("ObjectRemoved") => None,
            Ok(record) => Some(Ok(from_notification(record.s3))),
            Err(source) => Some(Err(malformed("S3 notification", source))),
        });
        return Ok(created.collect());
    }
    if event["detail-type"] == "Object Created" {
        let created = Entity::deserialize(&event["detail"])
            .map(from_event_bridge)
            .map_err(|source| malformed("`Object Created` event", source));
        return Ok(vec![created]);
    }
    Err(TriggerError::UnknownShape)
}

fn malformed(shape: &'static str, source: serde_json::Error) -> TriggerError {
    TriggerError::Malformed { shape, source }
}

fn from_notification(entity: Entity) -> Created {
    let key = SourceKey::form_encoded(&entity.object.key);
    Created {
        bucket: entity.bucket.name,
        raw_key: key
            .as_ref()
            .map_or(entity.object.key, |key| key.to_string()),
        key,
        etag: entity.object.etag,
    }
}

fn from_event_bridge(entity: Entity) -> Created {
    Created {
        bucket: entity.bucket.name,
        key: SourceKey::plain(&entity.object.key),
        raw_key: entity.object.key,
        etag: entity.object.etag,
    }
}

impl Created {
    /// The object as a source.
    ///
    /// # Errors
    /// If its key is no source key.
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
        assert!(error.to_string().contains("missing field `s3`"), "{error}");
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

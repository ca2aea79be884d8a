//! The event that brings one slice from the splitter to a worker.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::{
    settings::Settings,
    slice::Slice,
    source::{ETag, Source},
    source_key::SourceKey,
};

/// `source` of all our events on the bus.
pub const EVENT_SOURCE: &str = "custom.gifGenerator";

/// `detail-type` of a slice event.
pub const SLICE_DETAIL_TYPE: &str = "newVideoCreated";

/// `detail-type` of the event that announces the end of a run, complete or partial.
pub const COMPLETED_DETAIL_TYPE: &str = "videoPreviewsCompleted";

/// `detail-type` of the event that a source was rejected.
pub const REJECTED_DETAIL_TYPE: &str = "videoRejected";

/// The detail of a slice event. Only `key`, `start` and `end` are required, so that events of the AWS
/// sample replay unchanged. Unknown fields are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceEvent {
    /// Bucket of the source. Without it the worker uses its setting `SOURCE_BUCKET`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Key of the source, as S3 stores it.
    #[serde(alias = "Key")]
    pub key: SourceKey,
    /// Version of the source that the run is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// Number of the run among those of its source. Without it the current run of this version is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// Position among the slices of the run, from zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Number of slices of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// First second of the slice: a whole number, 0 to 999,999, both inclusive.
    #[serde(deserialize_with = "whole_second")]
    pub start: u32,
    /// End of the slice in seconds, exclusive.
    #[serde(serialize_with = "plain_seconds")]
    pub end: f64,
    /// Length of the video stream in seconds.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "plain_optional_seconds"
    )]
    pub length: Option<f64>,
    /// When the splitter created this event, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts_created: Option<i64>,
    /// The excerpt that FFmpeg needs for this slice. Without it the worker seeks in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<ExcerptText>,
    /// Number of times the slice was sent, this one included. A redrive adds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

/// An excerpt as `gifgen-index` encodes it, in the event or in an object of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ExcerptText {
    /// The encoded excerpt itself.
    Here(String),
    /// A byte range of the run's object for excerpts that are too long for events.
    Stored {
        /// Offset of the first byte.
        offset: u64,
        /// Length in bytes.
        bytes: u64,
    },
}

/// Why an event is not a slice event. Permanent: the same event gives the same error.
#[derive(Debug, thiserror::Error)]
pub enum SliceEventError {
    /// The JSON is not that of a slice event.
    #[error("this is no slice event ({0}); `key`, `start` and `end` are required")]
    Malformed(serde_json::Error),
    /// The end is not after the start.
    #[error("the slice ends at {end} s, not after its start at {start} s")]
    Empty {
        /// Start in seconds.
        start: u32,
        /// End in seconds.
        end: f64,
    },
    /// The slice is longer than [`SliceEvent::MAX_SECONDS`].
    #[error(
        "the slice is {seconds} s long; at most {} s are taken",
        SliceEvent::MAX_SECONDS
    )]
    TooLong {
        /// Length of the slice in seconds.
        seconds: f64,
    },
    /// Neither the event nor the settings name the source's bucket.
    #[error("the event names no bucket: set SOURCE_BUCKET, or add `bucket` to the event")]
    NoBucket,
}

impl SliceEvent {
    /// Longest slice in seconds: the setting's 900, and a tail of less than one.
    pub const MAX_SECONDS: f64 = 901.0;

    /// Parses a slice event, from a whole EventBridge envelope or its bare `detail`.
    ///
    /// # Errors
    /// If it is not a slice event, or its time range is empty or too long.
    pub fn parse(event: &Value) -> Result<Self, SliceEventError> {
        let detail = detail(event);
        let event = Self::deserialize(detail).map_err(SliceEventError::Malformed)?;
        let seconds = event.slice().seconds();
        if seconds.is_nan() || seconds <= 0.0 {
            return Err(SliceEventError::Empty {
                start: event.start,
                end: event.end,
            });
        }
        if seconds > Self::MAX_SECONDS {
            return Err(SliceEventError::TooLong { seconds });
        }
        Ok(event)
    }

    /// The time range to render. The index is 0 if the event has none.
    pub fn slice(&self) -> Slice {
        Slice {
            index: self.index.unwrap_or_default(),
            start: self.start,
            end: self.end,
        }
    }

    /// The source object; the bucket defaults to the settings' one.
    ///
    /// # Errors
    /// If neither the event nor the settings name a bucket.
    pub fn source(&self, settings: &Settings) -> Result<Source, SliceEventError> {
        let bucket = self
            .bucket
            .as_ref()
            .or(settings.source_bucket.as_ref())
            .ok_or(SliceEventError::NoBucket)?;
        Ok(Source {
            bucket: bucket.clone(),
            key: self.key.clone(),
            etag: self.etag.clone(),
        })
    }
}

/// Largest start, in seconds, with six digits in object names.
const MAX_START: f64 = 999_999.0;

fn whole_second<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let start = f64::deserialize(deserializer)?;
    if start.fract() != 0.0 || !(0.0..=MAX_START).contains(&start) {
        return Err(de::Error::custom(format!(
            "`start` is {start}, and must be a whole number of seconds from 0 to {MAX_START}"
        )));
    }
    Ok(start as u32)
}

/// Serializes whole seconds without a decimal point.
///
/// # Errors
/// Those of the serializer.
pub fn plain_seconds<S: Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if seconds.fract() == 0.0 && (0.0..=MAX_START).contains(seconds) {
        serializer.serialize_u32(*seconds as u32)
    } else {
        serializer.serialize_f64(*seconds)
    }
}

fn plain_optional_seconds<S: Serializer>(
    seconds: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match seconds {
        Some(seconds) => plain_seconds(seconds, serializer),
        None => serializer.serialize_none(),
    }
}

/// The `detail` of an EventBridge envelope, or the event itself if it has no envelope.
pub fn detail(event: &Value) -> &Value {
    event.get("detail").unwrap_or(event)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_aws_samples_event_is_taken_as_it_was() {
        let event = SliceEvent::parse(&json!({"source": "custom.gifGenerator",
            "detail-type": "newVideoCreated",
            "detail": {"key": "long.mp4", "start": 2250, "end": 2279, "length": 3294.024,
                       "tsCreated": 1_623_929_798_333_i64}}))
        .unwrap();
        assert_eq!(event.slice().still_seconds(), 2250..2279);
        assert_eq!(event.bucket, None);
        assert_eq!(event.ts_created, Some(1_623_929_798_333));
    }

    #[test]
    fn a_capital_key_and_unknown_fields_are_taken() {
        let event =
            SliceEvent::parse(&json!({"Key": "a b.mp4", "start": 0.0, "end": 1.5, "novel": [1]}))
                .unwrap();
        assert_eq!(event.key.as_str(), "a b.mp4");
    }

    #[test]
    fn an_event_looks_as_in_the_contract() {
        let event = SliceEvent::parse(&json!({"bucket": "films", "key": "long.mp4",
            "etag": "\"9b2c\"", "index": 75, "count": 110, "start": 2250, "end": 2280,
            "length": 3294.024, "tsCreated": 1_623_929_798_333_i64}))
        .unwrap();
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"bucket":"films","key":"long.mp4","etag":"\"9b2c\"","index":75,"count":110,"start":2250,"end":2280,"length":3294.024,"tsCreated":1623929798333}"#
        );
    }

    #[test]
    fn ranges_that_hold_nothing_or_too_much_are_refused() {
        for (start, end) in [
            (5.0, 5.0),
            (5.0, 1.0),
            (0.0, 902.0),
            (0.5, 2.0),
            (-1.0, 2.0),
            (1e6, 1e6 + 1.0),
        ] {
            let event = json!({"key": "k", "start": start, "end": end});
            assert!(SliceEvent::parse(&event).is_err(), "{event}");
        }
        assert!(SliceEvent::parse(&json!({"start": 0, "end": 1})).is_err());
        assert!(SliceEvent::parse(&json!({"key": "", "start": 0, "end": 1})).is_err());
    }

    #[test]
    fn an_event_with_more_fields_is_taken() {
        let event = json!({"key": "k", "start": 0, "end": 1, "video": {"index": 0, "width": 0}});
        assert_eq!(SliceEvent::parse(&event).unwrap().end, 1.0);
    }

    // By default serde_json can parse a number with its last bit wrong.
    #[test]
    fn seconds_survive_the_bus_to_the_last_bit() {
        let event = json!({"key": "k", "start": 17_175.0, "end": 17_175.0 + 840.027}).to_string();
        let event = SliceEvent::parse(&serde_json::from_str(&event).unwrap()).unwrap();
        assert_eq!(event.end.to_bits(), (17_175.0_f64 + 840.027).to_bits());
    }

    proptest! {
        #[test]
        fn an_event_survives_the_bus(key in ".{1,100}", start in 0u32..=999_999, ms in 1u32..=900_000, index in 0u32..10_000) {
            let end = f64::from(start) + f64::from(ms) / 1000.0;
            let event = SliceEvent { bucket: Some("b".into()), key: SourceKey::plain(key).unwrap(),
                etag: Some(ETag::new("abc-2").unwrap()), run: Some(2), index: Some(index), count: None, start, end,
                length: Some(end), ts_created: Some(1), excerpt: None, attempt: Some(2) };
            let text = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(SliceEvent::parse(&serde_json::from_str(&text).unwrap()).unwrap(), event);
        }

        #[test]
        fn no_json_makes_the_parser_panic(text in r#"\{("(key|start|end|etag)":("x"|1e300|-1|null|\{\}),){0,4}"end":[0-9]{1,3}\}"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert!(SliceEvent::parse(&value).is_ok() || SliceEvent::parse(&value).is_err());
            }
        }
    }
}

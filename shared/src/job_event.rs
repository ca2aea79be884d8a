//! The event that brings a job that is no slice from the splitter to a worker.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    job::JobKind,
    slice_event::{ExcerptText, detail},
    source::{ETag, Source},
    source_key::SourceKey,
};

/// `detail-type` of the event.
pub const JOB_DETAIL_TYPE: &str = "videoJobCreated";

/// The detail of the event. Unknown fields are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobEvent {
    /// Bucket of the source.
    pub bucket: String,
    /// Key of the source, as S3 stores it.
    pub key: SourceKey,
    /// Version of the source that the run is about. Without it the current run is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// Number of the run among those of its source. Without it the current run is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// Which job of the run.
    pub job: JobName,
    /// When this event was created, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts_created: Option<i64>,
    /// Where the job's keyframes are. Without it the worker searches for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyframes: Option<ExcerptText>,
    /// Number of times the job was sent, this one included. A redrive adds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

/// Names a job of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobName {
    /// What kind of job.
    pub kind: JobKind,
    /// Position among those of its kind, from zero.
    pub index: u32,
}

/// The event is not that of a job. Permanent: the same event gives the same error.
#[derive(Debug, thiserror::Error)]
#[error("this is no job event ({0}); `bucket`, `key` and `job` are required")]
pub struct JobEventError(serde_json::Error);

impl JobEvent {
    /// Whether `event` is meant as the event of a job: only these name one.
    pub fn is_meant(event: &Value) -> bool {
        detail(event).get("job").is_some()
    }

    /// Parses an event, from a whole EventBridge envelope or its bare `detail`.
    ///
    /// # Errors
    /// If it is not the event of a job.
    pub fn parse(event: &Value) -> Result<Self, JobEventError> {
        Self::deserialize(detail(event)).map_err(JobEventError)
    }

    /// The source object, in the version of the run if the event names it.
    pub fn source(&self) -> Source {
        Source {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            etag: self.etag.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_looks_as_in_the_contract() {
        let detail = json!({"bucket": "films", "key": "long.mp4", "etag": "\"9b2c\"", "run": 2,
            "job": {"kind": "overview", "index": 3}});
        let event = json!({"detail-type": JOB_DETAIL_TYPE, "detail": detail});
        assert!(JobEvent::is_meant(&event));
        let parsed = JobEvent::parse(&event).unwrap();
        assert_eq!(
            parsed.job,
            JobName {
                kind: JobKind::Overview,
                index: 3
            }
        );
        assert_eq!(json!(parsed), detail);
    }

    #[test]
    fn slice_events_are_not_meant_for_it() {
        let slice = json!({"detail": {"key": "a.mp4", "start": 0, "end": 30}});
        assert!(!JobEvent::is_meant(&slice));
        assert!(JobEvent::parse(&slice).is_err());
    }
}

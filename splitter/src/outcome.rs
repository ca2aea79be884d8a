//! The function's answer: the outcome of each object in the event.

use gifgen_ledger::Run;
use gifgen_shared::{PublishError, Rejection, with_causes};
use serde::Serialize;

use crate::trigger::Created;

/// Answer to one invocation.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Outcome of each object in the event, in the event's order.
    pub sources: Vec<Outcome>,
    /// What is wrong with the event, or with one of its records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Outcome of one object.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Bucket of the object.
    pub bucket: String,
    /// Key of the object.
    pub key: String,
    /// What became of it.
    #[serde(flatten)]
    pub status: Status,
}

/// What became of an object.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "camelCase")]
pub enum Status {
    /// The events are on the bus. For a resumed run, only those of unfinished jobs were sent, and for one that takes
    /// objects of an earlier one over, only those of the others.
    Split {
        /// Number of the run, from 1.
        run: u32,
        /// Number of slices of the run.
        slices: u32,
        /// Number of sheets of its overview.
        sheets: u32,
        /// Number of jobs sent now.
        sent: u32,
        /// Length of the video stream, in seconds.
        length: f64,
    },
    /// All previews exist with these settings.
    Complete {
        /// Number of the run, from 1.
        run: u32,
        /// Key of the manifest.
        manifest: String,
    },
    /// All unfinished jobs were sent a short while ago, so nothing is sent now.
    UnderWay {
        /// Number of the run, from 1.
        run: u32,
    },
    /// The source cannot be rendered, and a `videoRejected` event with this class and sentence was sent.
    Rejected(Rejection),
    /// The bus refuses the events for their content. A retry would not help.
    Failed {
        /// Answer of the bus.
        message: String,
    },
    /// Nothing to do for this object.
    Ignored {
        /// Why there is nothing to do.
        message: &'static str,
    },
}

impl Outcome {
    /// Logs and returns [`Status::Split`].
    pub(crate) fn split(run: &Run, sent: u32) -> Self {
        let (source, slices, sheets) = (&run.source, run.slices, run.sheets);
        tracing::info!(
            bucket = source.bucket,
            key = %source.key,
            etag = source.etag.as_str(),
            run = run.run,
            slices,
            sheets,
            sent,
            length = source.length,
            codec = source.codec,
            container = source.container,
            "split"
        );
        let status = Status::Split {
            run: run.run,
            slices,
            sheets,
            sent,
            length: source.length,
        };
        Self::of(run, status)
    }

    /// Logs and returns [`Status::UnderWay`].
    pub(crate) fn under_way(run: &Run) -> Self {
        let source = &run.source;
        tracing::info!(bucket = source.bucket, key = %source.key, run = run.run, "under way already");
        Self::of(run, Status::UnderWay { run: run.run })
    }

    /// Logs and returns [`Status::Complete`].
    pub(crate) fn complete(run: &Run) -> Self {
        let source = &run.source;
        tracing::info!(bucket = source.bucket, key = %source.key, run = run.run, "complete already");
        let status = Status::Complete {
            run: run.run,
            manifest: run.keys().manifest(),
        };
        Self::of(run, status)
    }

    fn of(run: &Run, status: Status) -> Self {
        Self {
            bucket: run.source.bucket.clone(),
            key: run.source.key.to_string(),
            status,
        }
    }
}

impl Created {
    /// Logs and returns [`Status::Failed`].
    pub(crate) fn failed(&self, error: &PublishError) -> Outcome {
        let message = with_causes(error);
        tracing::error!(
            bucket = self.bucket,
            key = self.raw_key,
            why = message,
            "failed for good"
        );
        self.outcome(Status::Failed { message })
    }

    /// Logs and returns [`Status::Ignored`].
    pub(crate) fn ignored(&self, message: &'static str) -> Outcome {
        tracing::info!(
            bucket = self.bucket,
            key = self.raw_key,
            why = message,
            "ignored"
        );
        self.outcome(Status::Ignored { message })
    }

    pub(crate) fn outcome(&self, status: Status) -> Outcome {
        Outcome {
            bucket: self.bucket.clone(),
            key: self.raw_key.clone(),
            status,
        }
    }
}

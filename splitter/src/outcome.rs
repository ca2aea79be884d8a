//! The function's answer: the outcome of each object in the event.

use gifgen_shared::Rejection;
use serde::Serialize;

use gifgen_ledger::Run;
use gifgen_shared::{PublishError, with_causes};

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
#[serde(tag = "status", rename_all = "camelCase")]
pub enum Outcome {
    /// The slice events are on the bus. For a resumed run, only those of unfinished slices were sent.
    Split {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// Number of the run, from 1.
        run: u32,
        /// Number of slices of the run.
        slices: u32,
        /// Number of slices sent now.
        sent: u32,
        /// Length of the video stream, in seconds.
        length: f64,
    },
    /// All previews exist with these settings.
    Complete {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// Number of the run, from 1.
        run: u32,
        /// Key of the manifest.
        manifest: String,
    },
    /// All unfinished slices were sent a short while ago, so nothing is sent now.
    UnderWay {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// Number of the run, from 1.
        run: u32,
    },
    /// The source cannot be rendered, and a `videoRejected` event was sent.
    Rejected {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// Class and sentence of the `videoRejected` event.
        #[serde(flatten)]
        rejection: Rejection,
    },
    /// The bus refuses the events for their content. A retry would not help.
    Failed {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// Answer of the bus.
        message: String,
    },
    /// Nothing to do for this object.
    Ignored {
        /// Bucket of the object.
        bucket: String,
        /// Key of the object.
        key: String,
        /// Why there is nothing to do.
        message: &'static str,
    },
}

impl Outcome {
    /// Logs and returns [`Self::Split`].
    pub(crate) fn split(run: &Run, sent: u32) -> Self {
        let (source, slices) = (&run.source, run.slices);
        tracing::info!(
            bucket = source.bucket,
            key = %source.key,
            etag = source.etag.as_str(),
            run = run.run,
            slices,
            sent,
            length = source.length,
            codec = source.codec,
            container = source.container,
            "split"
        );
        Self::Split {
            bucket: source.bucket.clone(),
            key: source.key.to_string(),
            run: run.run,
            slices,
            sent,
            length: source.length,
        }
    }

    /// Logs and returns [`Self::UnderWay`].
    pub(crate) fn under_way(run: &Run) -> Self {
        let source = &run.source;
        tracing::info!(bucket = source.bucket, key = %source.key, run = run.run, "under way already");
        Self::UnderWay {
            bucket: source.bucket.clone(),
            key: source.key.to_string(),
            run: run.run,
        }
    }

    /// Logs and returns [`Self::Complete`].
    pub(crate) fn complete(run: &Run) -> Self {
        let source = &run.source;
        tracing::info!(bucket = source.bucket, key = %source.key, run = run.run, "complete already");
        Self::Complete {
            bucket: source.bucket.clone(),
            key: source.key.to_string(),
            run: run.run,
            manifest: run.keys().manifest(),
        }
    }
}

impl Created {
    /// Logs and returns [`Outcome::Failed`].
    pub(crate) fn failed(&self, error: &PublishError) -> Outcome {
        tracing::error!(
            bucket = self.bucket,
            key = self.raw_key,
            why = %with_causes(error),
            "failed for good"
        );
        Outcome::Failed {
            bucket: self.bucket.clone(),
            key: self.raw_key.clone(),
            message: with_causes(error),
        }
    }

    /// Logs and returns [`Outcome::Ignored`].
    pub(crate) fn ignored(&self, message: &'static str) -> Outcome {
        tracing::info!(
            bucket = self.bucket,
            key = self.raw_key,
            why = message,
            "ignored"
        );
        Outcome::Ignored {
            bucket: self.bucket.clone(),
            key: self.raw_key.clone(),
            message,
        }
    }
}

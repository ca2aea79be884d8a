//! What became of the objects that an event tells of: the function's answer.

use gifgen_shared::rejection::Rejection;
use serde::Serialize;

use gifgen_ledger::run::Run;
use gifgen_shared::{error_chain::with_causes, publish::PublishError};

use crate::trigger::Created;

/// The answer to one invocation.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// What became of each object that the event tells of, in its order.
    pub sources: Vec<Outcome>,
    /// What is wrong with the event, or with one of its records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of one object.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "camelCase")]
pub enum Outcome {
    /// The events of its slices are on the bus; of a run that goes on, of those that it lacks.
    Split {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// Number of the run.
        run: u32,
        /// Number of slices.
        slices: u32,
        /// Number of slices that were sent.
        sent: u32,
        /// Length of the video stream, in seconds.
        length: f64,
    },
    /// Its previews are there already, all of them and with these settings.
    Complete {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// Number of the run.
        run: u32,
        /// Key of the manifest.
        manifest: String,
    },
    /// All that its run lacks was sent a short while ago, so nothing is sent now.
    UnderWay {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// Number of the run.
        run: u32,
    },
    /// It gives no previews, and a `videoRejected` event says so.
    Rejected {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// The class, and a sentence.
        #[serde(flatten)]
        rejection: Rejection,
    },
    /// The bus refuses its events for what they are, and would again.
    Failed {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// What the bus says.
        message: String,
    },
    /// There is nothing to do for it.
    Ignored {
        /// Bucket of the object.
        bucket: String,
        /// Key of the object.
        key: String,
        /// Why.
        message: &'static str,
    },
}

impl Outcome {
    /// Split, with a line in the log.
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

    /// Under way, with a line in the log.
    pub(crate) fn under_way(run: &Run) -> Self {
        let source = &run.source;
        tracing::info!(bucket = source.bucket, key = %source.key, run = run.run, "under way already");
        Self::UnderWay {
            bucket: source.bucket.clone(),
            key: source.key.to_string(),
            run: run.run,
        }
    }

    /// Complete already, with a line in the log.
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
    /// Failed for good, with a line in the log.
    pub(crate) fn failed(&self, error: &PublishError) -> Outcome {
        tracing::error!(
            bucket = self.bucket,
            key = self.raw_key,
            why = with_causes(error),
            "failed for good"
        );
        Outcome::Failed {
            bucket: self.bucket.clone(),
            key: self.raw_key.clone(),
            message: with_causes(error),
        }
    }

    /// Nothing to do, with a line in the log.
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

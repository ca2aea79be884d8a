//! What became of the objects that an event tells of: the function's answer.

use gifgen_shared::rejection::Rejection;
use serde::Serialize;

use crate::{publish::PublishError, trigger::Created};

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
    /// Its slice events are on the bus.
    Split {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
        /// Number of slices.
        slices: u32,
        /// Length of the video stream, in seconds.
        length: f64,
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

impl Created {
    /// Failed for good, with a line in the log.
    pub(crate) fn failed(&self, error: &PublishError) -> Outcome {
        tracing::error!(bucket = self.bucket, key = self.raw_key, why = %error, "failed for good");
        Outcome::Failed {
            bucket: self.bucket.clone(),
            key: self.raw_key.clone(),
            message: error.to_string(),
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

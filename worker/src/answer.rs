//! The answer to one invocation.

use gifgen_ledger::{Outcome, Receipt, Run, SliceFailure, SliceOutputs};
use gifgen_shared::SourceKey;
use serde::Serialize;

use crate::{error::PermanentError, given_up::BatchAnswer};

/// The answer to one invocation.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "camelCase")]
pub enum Answer {
    /// All objects of the slice are uploaded, and its receipt says so.
    Done(Report),
    /// The slice cannot be rendered, now or later, and its receipt says so.
    Failed(SliceFailure),
    /// Another run of the source has begun, so there is nothing left to do for this one.
    Superseded,
    /// The given-up slices have receipts, except those of the messages that are named.
    #[serde(untagged)]
    GivenUp(BatchAnswer),
}

/// A slice and its previews.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Key of the source.
    pub key: String,
    /// First second of the slice.
    pub start: u32,
    /// End of the slice, in seconds.
    pub end: f64,
    /// Its previews.
    #[serde(flatten)]
    pub outputs: SliceOutputs,
}

impl Answer {
    /// The answer for a slice of `key` that was rendered.
    pub(crate) fn done(key: &SourceKey, start: u32, end: f64, outputs: SliceOutputs) -> Self {
        Self::Done(Report {
            key: key.to_string(),
            start,
            end,
            outputs,
        })
    }

    /// The answer for a slice that fails without a receipt, with a line in the log.
    pub(crate) fn failed(error: &PermanentError) -> Self {
        let failure = error.failure();
        tracing::error!(
            reason = failure.reason,
            why = failure.message,
            "failed for good"
        );
        Self::Failed(failure)
    }

    /// The answer for a slice of `run` that has this receipt.
    pub(crate) fn of(run: &Run, receipt: Receipt) -> Self {
        match receipt.outcome {
            Outcome::Done(outputs) => {
                Self::done(&run.source.key, receipt.start, receipt.end, outputs)
            }
            Outcome::Failed { error } => Self::Failed(error),
        }
    }
}

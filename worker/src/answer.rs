//! The answer to one invocation.

use gifgen_ledger::{JobFailure, Outcome, Outputs, Receipt, Run};
use gifgen_shared::{Job, SourceKey, job::JobKind};
use serde::Serialize;

use crate::{error::PermanentError, given_up::BatchAnswer};

/// The answer to one invocation.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "camelCase")]
pub enum Answer {
    /// All objects of the job are uploaded, and its receipt says so.
    Done(Report),
    /// The job cannot be done, now or later, and its receipt says so.
    Failed(JobFailure),
    /// Another run of the source has begun, so there is nothing left to do for this one.
    Superseded,
    /// The given-up jobs have receipts, except those of the messages that are named.
    #[serde(untagged)]
    GivenUp(BatchAnswer),
}

/// A job and its outputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Key of the source.
    pub key: String,
    /// What kind of job it is; left out for a slice.
    #[serde(skip_serializing_if = "JobKind::is_slice")]
    pub kind: JobKind,
    /// First second of the job.
    pub start: u32,
    /// End of the job, in seconds.
    pub end: f64,
    /// Its outputs.
    #[serde(flatten)]
    pub outputs: Outputs,
}

impl Answer {
    /// The answer for a job of `key` that was done.
    pub(crate) fn done(key: &SourceKey, job: &Job, outputs: Outputs) -> Self {
        Self::Done(Report {
            key: key.to_string(),
            kind: job.id().kind(),
            start: job.start(),
            end: job.end(),
            outputs,
        })
    }

    /// The answer for a job that fails without a receipt, with a line in the log.
    pub(crate) fn failed(error: &PermanentError) -> Self {
        let failure = error.failure();
        tracing::error!(
            reason = failure.reason,
            why = failure.message,
            "failed for good"
        );
        Self::Failed(failure)
    }

    /// The answer for a `job` of `run` that has this receipt.
    pub(crate) fn of(run: &Run, job: &Job, receipt: Receipt) -> Self {
        match receipt.outcome {
            Outcome::Done(outputs) => Self::done(&run.source.key, job, outputs),
            Outcome::Failed { error } => Self::Failed(error),
        }
    }
}

//! Errors of the ledger.

use gifgen_shared::{JobId, PublishError};

/// Why the ledger cannot be read or written. All cases are transient.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// S3 failed or refused a request.
    #[error("failed to {action} s3://{bucket}/{key}: {reason}")]
    Unavailable {
        /// What was attempted: a verb such as `read`.
        action: &'static str,
        /// Bucket of the outputs.
        bucket: String,
        /// Key of the object, or prefix of a listing.
        key: String,
        /// S3's answer, and what to do about it.
        reason: String,
    },
    /// An object of the ledger has content that gifgen cannot have written.
    #[error(
        "s3://{bucket}/{key} makes no sense ({reason}): delete it and the folder `receipts` beside it, and upload the video again"
    )]
    Unreadable {
        /// Bucket of the outputs.
        bucket: String,
        /// Key of the object.
        key: String,
        /// Which part makes no sense.
        reason: String,
    },
    /// Other writers were faster at each attempt.
    #[error("s3://{bucket}/{key} was changed by others at each of {attempts} attempts")]
    Contended {
        /// Bucket of the outputs.
        bucket: String,
        /// Key of the object.
        key: String,
        /// Number of attempts.
        attempts: u32,
    },
    /// Objects that receipts name are missing or different.
    #[error("{} jobs of {key} are not as their receipts say, first {}", jobs.len(), jobs[0])]
    Disproved {
        /// Key of the source.
        key: String,
        /// The affected jobs, at least one, in order.
        jobs: Vec<JobId>,
    },
    /// The sheets of the overview are uploaded, but no tracks can be made of them.
    #[error("failed to make tracks of the overview of {key}: {reason}")]
    NoTracks {
        /// Key of the source.
        key: String,
        /// What is wrong with which sheet.
        reason: String,
    },
    /// It is recorded, but the bus did not take the event.
    #[error("failed to announce what is ready of {key}")]
    Unannounced {
        /// Key of the source.
        key: String,
        /// Error of the bus.
        source: PublishError,
    },
}

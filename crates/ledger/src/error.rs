//! Errors of the ledger.

use gifgen_shared::PublishError;

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
    #[error("{} slices of {key} are not as their receipts say, the first at second {}", starts.len(), starts[0])]
    Disproved {
        /// Key of the source.
        key: String,
        /// Starts of the affected slices in seconds, at least one.
        starts: Vec<u32>,
    },
    /// The manifest is written, but the bus did not take the event.
    #[error("failed to announce that {key} is complete")]
    Unannounced {
        /// Key of the source.
        key: String,
        /// Error of the bus.
        source: PublishError,
    },
}

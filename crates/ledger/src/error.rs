//! Why the ledger cannot be read or written. All of it is transient.

use gifgen_shared::publish::PublishError;

/// Why the ledger cannot be read or written, to be tried again.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// S3 does not do what it is asked.
    #[error("failed to {action} s3://{bucket}/{key}: {reason}")]
    Unavailable {
        /// What was being done.
        action: &'static str,
        /// The bucket.
        bucket: String,
        /// The object, or the folder.
        key: String,
        /// What S3 said.
        reason: String,
    },
    /// An object of the ledger is not what it should be.
    #[error(
        "s3://{bucket}/{key} makes no sense ({reason}): delete it and the folder `receipts` beside it, and upload the video again"
    )]
    Unreadable {
        /// The bucket.
        bucket: String,
        /// The object.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// Others write the same objects all the time.
    #[error("s3://{bucket}/{key} was changed by others at each of {attempts} attempts")]
    Contended {
        /// The bucket.
        bucket: String,
        /// The object.
        key: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Objects that receipts name are missing or different.
    #[error("{} slices of {key} are not as their receipts say, the first at second {}", starts.len(), starts[0])]
    Disproved {
        /// Key of the source.
        key: String,
        /// Starts of the slices, at least one.
        starts: Vec<u32>,
    },
    /// Completion is on record, but could not be announced.
    #[error("failed to announce that {key} is complete")]
    Unannounced {
        /// Key of the source.
        key: String,
        /// What the bus said.
        source: PublishError,
    },
}

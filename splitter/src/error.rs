//! The transient errors of the splitter.

use gifgen_child::ChildError;
use gifgen_ledger::LedgerError;
use gifgen_reader::{LoopbackProxyError, ReadError};
use gifgen_shared::{PublishError, SourceUnavailable, with_causes};
use lambda_runtime::Diagnostic;

/// Transient errors: the platform retries the invocation.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// S3 does not answer for the source, or denies access.
    #[error(transparent)]
    Source(#[from] SourceUnavailable),
    /// ffprobe could not be started.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// S3 could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// ffprobe was ended before it finished.
    #[error("failed to probe {source_name}: {reason}")]
    Probe {
        /// Bucket and key of the source.
        source_name: String,
        /// What ended ffprobe.
        reason: String,
    },
    /// The loopback proxy for ffprobe could not be started.
    #[error(transparent)]
    LoopbackProxy(#[from] LoopbackProxyError),
    /// Some events are not on the bus.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The run cannot be read or recorded.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// S3, ffprobe or the bus took too long.
    #[error("the deadline passed before s3://{bucket}/{key} was split")]
    DeadlinePassed {
        /// Bucket of the source.
        bucket: String,
        /// Key of the source.
        key: String,
    },
}

impl From<SplitError> for Diagnostic {
    fn from(error: SplitError) -> Self {
        let error_type = match &error {
            SplitError::Source(_) => "SourceUnavailable",
            SplitError::Child(_) => "ProbeNotStarted",
            SplitError::Read(_) => "SourceLost",
            SplitError::LoopbackProxy(_) => "NoPort",
            SplitError::Probe { .. } => "ProbeInterrupted",
            SplitError::Publish(_) => "EventsUnsent",
            SplitError::Ledger(_) => "LedgerUnavailable",
            SplitError::DeadlinePassed { .. } => "DeadlinePassed",
        };
        Self {
            error_type: error_type.into(),
            error_message: with_causes(&error),
        }
    }
}

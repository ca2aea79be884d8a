//! Why a source could not be probed.

use gifgen_child::ChildError;
use gifgen_shared::Rejection;

/// Why a source could not be probed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The input's fault, and permanent.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// ffprobe could not be run. Transient.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// ffprobe was ended before it was done. Transient.
    #[error("ffprobe {reason}")]
    Interrupted {
        /// What ended it.
        reason: String,
    },
}

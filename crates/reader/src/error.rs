//! Why a source cannot be read.

use gifgen_shared::Source;

/// Why a source cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// Another version is there. Permanent.
    #[error("{0} was replaced by another version")]
    Replaced(Source),
    /// It was deleted. Permanent.
    #[error("{0} is gone")]
    Gone(Source),
    /// The server fails or refuses, again and again. Transient.
    #[error("failed to read {of}: {said}")]
    Interrupted {
        /// The source.
        of: Source,
        /// The last error, without the URL.
        said: String,
    },
}

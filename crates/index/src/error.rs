//! Why a source has no index.

use gifgen_reader::ReadError;

/// Why a source has no index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The source cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Samples of the video are encrypted, perhaps not the first ones. A fault of the input, and permanent.
    #[error("the video is encrypted")]
    Encrypted,
    /// The container, or something in it, is not supported. The slices are read without an index.
    #[error("there is no index: {0}")]
    None(String),
}

impl IndexError {
    /// There is no index, because of `why`.
    pub(crate) fn none(why: impl Into<String>) -> Self {
        Self::None(why.into())
    }
}

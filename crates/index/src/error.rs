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
    /// Only the first part of the source can be shown. A fault of the input, and permanent.
    #[error("from byte {from_byte} (second {second:.1}) on, the file cannot be shown: {why}")]
    NotWhole {
        /// Where the other part starts, in bytes.
        from_byte: u64,
        /// Where it starts in the film, in seconds.
        second: f64,
        /// What is wrong with it.
        why: String,
    },
    /// The timestamps run backwards, so that none can be searched.
    #[error("there is no index: its times run backwards")]
    Backwards,
    /// The container, or something in it, is not supported. The slices are read without an index.
    #[error("there is no index: {0}")]
    None(String),
}

impl IndexError {
    /// There is no index, because of `why`.
    pub(crate) fn none(why: impl Into<String>) -> Self {
        Self::None(why.into())
    }

    /// The source cannot be shown from the byte `from_byte` and the `second` of the film on, because of `why`.
    pub(crate) fn not_whole(from_byte: u64, second: f64, why: impl Into<String>) -> Self {
        let why = why.into();
        Self::NotWhole {
            from_byte,
            second,
            why,
        }
    }
}

//! Why a track is not written.

use thiserror::Error;

use crate::{check::Invalid, picture::PictureError};

/// Why a track is not written. `E` is why a sheet cannot be read.
#[derive(Debug, Error)]
pub enum TrackError<E: std::error::Error + 'static> {
    /// The storyboard is none.
    #[error("the storyboard is invalid: {0}")]
    Storyboard(#[from] Invalid),
    /// A sheet cannot be read.
    #[error("failed to read {url}")]
    Read {
        /// The sheet, relative to the video's folder.
        url: String,
        /// What came back.
        source: E,
    },
    /// A sheet is not what the storyboard says.
    #[error("{url} is no sheet of the storyboard")]
    Sheet {
        /// The sheet, relative to the video's folder.
        url: String,
        /// What it is instead.
        source: PictureError,
    },
    /// A picture cannot be written.
    #[error("failed to write {name}")]
    Write {
        /// The file, relative to the video's folder.
        name: String,
        /// Why.
        source: PictureError,
    },
    /// A BIF names offsets in 32 bits.
    #[error("the BIF would be longer than 4 GiB")]
    TooLong,
}

//! Outputs of a slice, as manifest and receipt record them.

use gifgen_shared::ETag;
use serde::{Deserialize, Serialize};

use crate::checksum::Sha256;

/// What became of a slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// Its previews are uploaded.
    Done(SliceOutputs),
    /// It failed for good.
    Failed {
        /// The cause.
        error: SliceFailure,
    },
}

impl Outcome {
    /// Why the slice failed; `None` if it has outputs.
    pub fn failure(&self) -> Option<&SliceFailure> {
        match self {
            Self::Done(_) => None,
            Self::Failed { error } => Some(error),
        }
    }
}

/// The previews of a slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceOutputs {
    /// Key and size of the GIF.
    pub gif: GifOutput,
    /// The stills, in frames mode `each`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FramesOutput>,
    /// The sprite sheet, in frames mode `storyboard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<StoryboardOutput>,
}

/// An uploaded GIF.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GifOutput {
    /// Key of the object.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Number of pictures.
    pub frames: u32,
}

/// Uploaded stills of consecutive seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FramesOutput {
    /// Second of the first still.
    pub first: u32,
    /// Number of stills.
    pub count: u32,
}

/// An uploaded sprite sheet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoryboardOutput {
    /// Key of the object.
    pub key: String,
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of tiles.
    pub rows: u32,
    /// Width of a tile, in pixels.
    pub tile_width: u32,
    /// Height of a tile, in pixels.
    pub tile_height: u32,
}

/// An uploaded object, with what proves its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Key in the bucket of the outputs.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Version that the upload created.
    pub etag: ETag,
    /// Checksum of the content. Receipts without one are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
}

/// Why a slice failed permanently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceFailure {
    /// The class, for programs.
    pub reason: String,
    /// One sentence for people that explains the class.
    pub message: String,
}

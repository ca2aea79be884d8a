//! What became of a slice. Its receipt, the manifest and the worker's answer share these types.

use gifgen_shared::source::ETag;
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

/// The previews of a slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceOutputs {
    /// The GIF.
    pub gif: GifOutput,
    /// The stills, in frames mode `each`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FramesOutput>,
    /// The sprite sheet, in frames mode `storyboard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<StoryboardOutput>,
}

/// A GIF that was uploaded.
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

/// Stills that were uploaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FramesOutput {
    /// Second of the first one.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// A sprite sheet that was uploaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoryboardOutput {
    /// Key of the object.
    pub key: String,
    /// Tiles in a row.
    pub columns: u32,
    /// Rows.
    pub rows: u32,
    /// Width of a tile, in pixels.
    pub tile_width: u32,
    /// Height of a tile, in pixels.
    pub tile_height: u32,
}

/// An object that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Version.
    pub etag: ETag,
    /// Checksum of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
}

/// Why a slice has no previews.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceFailure {
    /// The class, for machines.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
}

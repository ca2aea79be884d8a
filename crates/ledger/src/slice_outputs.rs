//! What a slice gave, in the shape of the manifest's slices.

use gifgen_shared::source::ETag;
use serde::{Deserialize, Serialize};

use crate::checksum::Sha256;

/// What a slice gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceOutputs {
    /// The GIF.
    pub gif: GifMade,
    /// The stills, in frames mode `each`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FramesMade>,
    /// The sprite sheet, in frames mode `storyboard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<StoryboardMade>,
}

/// A GIF that was uploaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GifMade {
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
pub struct FramesMade {
    /// Second of the first one.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// A sprite sheet that was uploaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoryboardMade {
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

/// Why a slice gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceFailure {
    /// The class, for machines.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
}

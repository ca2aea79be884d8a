//! Outputs of a job, as manifest and receipt record them.

use gifgen_shared::{ETag, slice_event::plain_seconds};
use serde::{Deserialize, Serialize};

use crate::checksum::Sha256;

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It failed for good.
    Failed {
        /// The cause.
        error: JobFailure,
    },
    /// Its outputs are uploaded.
    Done(Outputs),
}

/// The outputs of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outputs {
    /// Those of a sheet of the overview.
    Sheet(SheetOutputs),
    /// Those of a slice.
    Slice(SliceOutputs),
}

impl Outcome {
    /// Why the job failed; `None` if it has outputs.
    pub fn failure(&self) -> Option<&JobFailure> {
        match self {
            Self::Done(_) => None,
            Self::Failed { error } => Some(error),
        }
    }

    /// The previews of a slice that was rendered.
    pub fn slice(&self) -> Option<&SliceOutputs> {
        match self {
            Self::Done(Outputs::Slice(outputs)) => Some(outputs),
            _ => None,
        }
    }

    /// The tiles that a rendered sheet lacks.
    pub fn lost(&self) -> &[LostTile] {
        self.sheet().map_or(&[], |outputs| &outputs.lost)
    }

    /// Whether all outputs are there, and no tile is lost.
    pub fn is_whole(&self) -> bool {
        self.failure().is_none() && self.lost().is_empty()
    }

    /// The outputs of a sheet that was rendered.
    pub fn sheet(&self) -> Option<&SheetOutputs> {
        match self {
            Self::Done(Outputs::Sheet(outputs)) => Some(outputs),
            _ => None,
        }
    }
}

/// A sheet of the overview.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SheetOutputs {
    /// Its tiles, in order. There are none if no keyframe lies in it.
    pub tiles: Vec<TileOutput>,
    /// The picture that has them; `None` if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<StoryboardOutput>,
    /// The tiles that it lacks, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostTile>,
}

/// A tile that a sheet lacks, because the source is damaged there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostTile {
    /// The multiple of the interval that it would show, in seconds.
    pub at: u32,
    /// The cause.
    pub error: JobFailure,
}

/// A tile of an overview.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TileOutput {
    /// From when on its picture is on screen, in seconds.
    #[serde(serialize_with = "plain_seconds")]
    pub at: f64,
    /// Its place in the sheet, row by row from zero. Neighbours that look the same share one.
    pub place: u32,
    /// Whether its picture was decoded for this time, and is no keyframe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
}

/// The previews of a slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceOutputs {
    /// Key and size of the GIF, in GIFs mode `each`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gif: Option<GifOutput>,
    /// The stills, in frames modes `each` and `both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FramesOutput>,
    /// The sprite sheet, in frames modes `storyboard` and `both`.
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
    /// Width of a still, in pixels. Receipts without it are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height of a still, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
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

/// Why a job failed permanently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFailure {
    /// The class, for programs.
    pub reason: String,
    /// One sentence for people that explains the class.
    pub message: String,
}

//! What a slice gave: the function's answer, in the shape of the manifest's slices.

use gifgen_shared::{output_keys::OutputKeys, source::Source};
use serde::Serialize;

use crate::{ffmpeg_args::Rendering, outputs::Outputs};

/// What a slice gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Key of the source.
    pub key: String,
    /// First second of the slice.
    pub start: u32,
    /// End of the slice, in seconds.
    pub end: f64,
    /// The GIF.
    pub gif: GifReport,
    /// The stills, in frames mode `each`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<FramesReport>,
    /// The sprite sheet, in frames mode `storyboard`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<StoryboardReport>,
}

/// A GIF that was uploaded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GifReport {
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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FramesReport {
    /// Second of the first one.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// A sprite sheet that was uploaded.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoryboardReport {
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

impl Report {
    /// The report of a slice whose `outputs` are as `rendering` wants them.
    pub(crate) fn of(source: &Source, rendering: &Rendering<'_>, outputs: &Outputs) -> Self {
        let keys = OutputKeys::of(&source.key);
        let slice = rendering.slice;
        let (width, height) = rendering.gif_size();
        Self {
            key: source.key.to_string(),
            start: slice.start,
            end: slice.end,
            gif: GifReport {
                key: keys.gif(slice.start),
                bytes: outputs.gif_bytes,
                width,
                height,
                frames: slice.gif_frames(rendering.settings.gif_fps),
            },
            frames: outputs.stills.first().map(|(first, _)| FramesReport {
                first: *first,
                count: outputs.stills.len() as u32,
            }),
            storyboard: outputs.storyboard.as_ref().map(|_| {
                let tiles = rendering.tiles();
                StoryboardReport {
                    key: keys.storyboard(slice.start),
                    columns: tiles.columns,
                    rows: tiles.rows,
                    tile_width: tiles.width,
                    tile_height: tiles.height,
                }
            }),
        }
    }
}

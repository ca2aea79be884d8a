//! What a slice gave: the function's answer.

use gifgen_ledger::made::{FramesMade, GifMade, Made, StoryboardMade};
use gifgen_shared::{output_keys::OutputKeys, source::Source};
use serde::Serialize;

use crate::{ffmpeg_args::Rendering, outputs::Outputs};

/// What a slice gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Key of the source.
    pub key: String,
    /// First second of the slice.
    pub start: u32,
    /// End of the slice, in seconds.
    pub end: f64,
    /// Its objects.
    #[serde(flatten)]
    pub made: Made,
}

/// What a slice gives whose `outputs` are as `rendering` wants them.
pub(crate) fn made(source: &Source, rendering: &Rendering<'_>, outputs: &Outputs) -> Made {
    let keys = OutputKeys::of(&source.key);
    let slice = rendering.slice;
    let (width, height) = rendering.gif_size();
    Made {
        gif: GifMade {
            key: keys.gif(slice.start),
            bytes: outputs.gif_bytes,
            width,
            height,
            frames: slice.gif_frames(rendering.look.gif_fps),
        },
        frames: outputs.stills.first().map(|(first, _)| FramesMade {
            first: *first,
            count: outputs.stills.len() as u32,
        }),
        storyboard: outputs.storyboard.as_ref().map(|_| {
            let tiles = rendering.tiles();
            StoryboardMade {
                key: keys.storyboard(slice.start),
                columns: tiles.columns,
                rows: tiles.rows,
                tile_width: tiles.width,
                tile_height: tiles.height,
            }
        }),
    }
}

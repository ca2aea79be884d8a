//! What a slice gave: the function's answer.

use gifgen_ledger::slice_outputs::{FramesMade, GifMade, SliceOutputs, StoryboardMade};
use gifgen_shared::output_keys::OutputKeys;
use serde::Serialize;

use crate::{outputs::Outputs, slice_work::Wanted, tiles::Tiles};

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
    pub made: SliceOutputs,
}

/// What `wanted` gives, whose `outputs` are as they should be.
pub(crate) fn made(wanted: &Wanted<'_>, outputs: &Outputs) -> SliceOutputs {
    let keys = OutputKeys::of(&wanted.source.key);
    let (slice, look, video) = (wanted.slice, wanted.look, &wanted.video);
    let (width, height) = look.gif_size(video);
    SliceOutputs {
        gif: GifMade {
            key: keys.gif(slice.start),
            bytes: outputs.gif_bytes,
            width,
            height,
            frames: slice.gif_frames(look.gif_fps),
        },
        frames: outputs.stills.first().map(|(first, _)| FramesMade {
            first: *first,
            count: outputs.stills.len() as u32,
        }),
        storyboard: outputs.storyboard.as_ref().map(|_| {
            let tiles = Tiles::of(slice.still_count(), video, look.frame_width);
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

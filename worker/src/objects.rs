//! The objects of a slice: which file becomes which, and what the receipt says of them.

use gifgen_ledger::{
    FramesOutput, GifOutput, SheetOutputs, SliceOutputs, StoryboardOutput, TileOutput,
};
use gifgen_shared::{OutputKeys, Sheet, SourceKey};

use crate::{job::SliceSpec, outputs::Outputs, overview::RenderedSheet, upload::Upload};

/// What the receipt says of the previews of a slice of `key`.
pub(crate) fn outputs_of(key: &SourceKey, spec: &SliceSpec, outputs: &Outputs) -> SliceOutputs {
    let keys = OutputKeys::of(key);
    let (width, height) = spec.gif_size();
    let (still_width, still_height) = spec.still_size();
    SliceOutputs {
        gif: outputs.gif.as_ref().map(|gif| GifOutput {
            key: keys.gif(spec.slice.start),
            bytes: gif.bytes,
            width,
            height,
            frames: spec.gif_frames(),
        }),
        frames: outputs.stills.first().map(|(first, _)| FramesOutput {
            first: *first,
            count: outputs.stills.len() as u32,
            width: Some(still_width),
            height: Some(still_height),
        }),
        storyboard: outputs.storyboard.as_ref().map(|_| {
            let tiles = spec.tiles();
            StoryboardOutput {
                key: keys.storyboard(spec.slice.start),
                columns: tiles.columns,
                rows: tiles.rows,
                tile_width: tiles.width,
                tile_height: tiles.height,
            }
        }),
    }
}

/// What the receipt says of a sheet of the overview of `key`, and its file, if it has tiles.
pub(crate) fn sheet_of(
    key: &SourceKey,
    sheet: &Sheet,
    rendered: &RenderedSheet,
) -> (SheetOutputs, Vec<Upload>) {
    let (name, layout) = (OutputKeys::of(key).sheet(sheet.index), rendered.layout);
    let tiles = rendered.tiles.iter().map(|tile| TileOutput {
        at: tile.at,
        place: tile.place,
        exact: tile.exact,
    });
    let outputs = SheetOutputs {
        tiles: tiles.collect(),
        sheet: rendered.jpg.as_ref().map(|_| StoryboardOutput {
            key: name.clone(),
            columns: layout.columns,
            rows: layout.rows,
            tile_width: layout.width,
            tile_height: layout.height,
        }),
        lost: rendered.lost.clone(),
    };
    let file = rendered.jpg.iter().map(|file| Upload {
        file: file.clone(),
        key: name.clone(),
        content_type: "image/jpeg",
    });
    (outputs, file.collect())
}

/// The files of a slice of `key`, with the keys of their objects.
pub(crate) fn uploads_of(key: &SourceKey, spec: &SliceSpec, outputs: &Outputs) -> Vec<Upload> {
    let (keys, start) = (OutputKeys::of(key), spec.slice.start);
    let jpg = |file: &std::path::PathBuf, key| Upload {
        file: file.clone(),
        key,
        content_type: "image/jpeg",
    };
    let gif = outputs.gif.as_ref().map(|gif| Upload {
        file: gif.path.clone(),
        key: keys.gif(start),
        content_type: "image/gif",
    });
    let stills = outputs.stills.iter();
    let sheet = outputs.storyboard.iter();
    gif.into_iter()
        .chain(stills.map(|(second, file)| jpg(file, keys.frame(*second))))
        .chain(sheet.map(|file| jpg(file, keys.storyboard(start))))
        .collect()
}

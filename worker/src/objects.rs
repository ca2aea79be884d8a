//! The objects of a slice: which file becomes which, and what the receipt says of them.

use gifgen_ledger::{FramesOutput, GifOutput, SliceOutputs, StoryboardOutput};
use gifgen_shared::{OutputKeys, SourceKey};

use crate::{job::SliceSpec, outputs::Outputs, upload::Upload};

/// What the receipt says of the previews of a slice of `key`.
pub(crate) fn outputs_of(key: &SourceKey, spec: &SliceSpec, outputs: &Outputs) -> SliceOutputs {
    let keys = OutputKeys::of(key);
    let (width, height) = spec.gif_size();
    let gif = outputs.gif.as_ref().map(|gif| GifOutput {
        key: keys.gif(spec.slice.start),
        bytes: gif.bytes,
        width,
        height,
        frames: spec.gif_frames(),
    });
    SliceOutputs {
        // FIXME at the merge: optional in the ledger.
        gif: gif.unwrap_or(GifOutput {
            key: String::new(),
            bytes: 0,
            width: 0,
            height: 0,
            frames: 0,
        }),
        frames: outputs.stills.first().map(|(first, _)| FramesOutput {
            first: *first,
            count: outputs.stills.len() as u32,
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

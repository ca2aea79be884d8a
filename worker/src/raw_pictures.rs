//! FFmpeg's raw pictures: encoded to a GIF while FFmpeg decodes, or kept.

use std::{fs::File, path::Path};

use gifgen_encoder::Gif;
use gifgen_shared::{Gifs, Rejection};

use crate::{
    ffmpeg_args::Rendering,
    gif::{self, GifError, Unfinished},
    product::{Product, RawPictures},
};

/// What to do with raw pictures.
pub(crate) enum Reading {
    Encode(Gif),
    Keep(RawPictures),
    Nothing,
}

/// What became of them.
pub(crate) enum RawOutput {
    Gif(Box<Unfinished>),
    Pictures(Vec<Vec<u8>>),
    None,
}

impl Reading {
    /// What `rendering` wants.
    ///
    /// # Errors
    /// If the GIF is too large.
    pub(crate) fn of(rendering: &Rendering<'_>) -> Result<Self, Rejection> {
        Ok(match rendering.product {
            Product::Raw(raw) => Self::Keep(raw),
            Product::Previews if rendering.spec.settings.gifs == Gifs::Each => {
                Self::Encode(gif::format(rendering.spec)?)
            }
            Product::Previews => Self::Nothing,
        })
    }

    /// Reads `pictures` to their end. A GIF is written to `directory`.
    ///
    /// # Errors
    /// If reading or writing fails.
    pub(crate) fn read(self, pictures: File, directory: &Path) -> Result<RawOutput, GifError> {
        Ok(match self {
            Self::Encode(format) => {
                RawOutput::Gif(Box::new(gif::start(pictures, format, directory)?))
            }
            Self::Keep(raw) => RawOutput::Pictures(keep(pictures, raw)?),
            Self::Nothing => RawOutput::None,
        })
    }
}

/// Keeps the pictures; one more than wanted shows that FFmpeg gives too many. An incomplete last picture is left out.
fn keep(mut pictures: File, raw: RawPictures) -> Result<Vec<Vec<u8>>, GifError> {
    let mut kept = Vec::new();
    while kept.len() <= raw.most() as usize {
        let mut picture = vec![0; raw.picture_bytes()];
        if !gif::fill(&mut pictures, &mut picture).map_err(GifError::Read)? {
            break;
        }
        kept.push(picture);
    }
    Ok(kept)
}

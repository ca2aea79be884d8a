//! From FFmpeg's raw pictures to the GIF, while FFmpeg still decodes.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use gifgen_encoder::{
    dither::Dither,
    encoder::{EncodeError, Encoded, Encoder, Gif},
    stages::Stages,
};
use gifgen_shared::look::GifDither;

use crate::ffmpeg_args::Rendering;

/// Name of the GIF in the work directory.
pub const GIF_FILE: &str = "slice.gif";

/// A GIF was not made.
#[derive(Debug, thiserror::Error)]
pub enum GifError {
    /// FFmpeg's pictures cannot be read.
    #[error("failed to read FFmpeg's pictures: {0}")]
    Read(io::Error),
    /// FFmpeg gave no whole picture.
    #[error("FFmpeg gave no picture")]
    NoPicture,
    /// The file cannot be written.
    #[error("failed to write {GIF_FILE}: {0}")]
    Write(io::Error),
}

/// The format of the GIF that `rendering` asks for.
pub fn format(rendering: &Rendering<'_>) -> Gif {
    let (width, height) = rendering.gif_size();
    Gif {
        // Both are bounded, by the setting's range and by the longest side of a picture.
        width: u16::try_from(width).unwrap_or(u16::MAX),
        height: u16::try_from(height).unwrap_or(u16::MAX),
        fps: rendering.look.gif_fps,
        dither: match rendering.look.gif_dither {
            GifDither::None => Dither::None,
            GifDither::Ordered => Dither::Ordered,
            GifDither::Diffusion => Dither::Diffusion,
        },
    }
}

/// Makes the GIF in `directory` from `pictures`, FFmpeg's `rawvideo` in `gbrp`, until they end.
/// A last picture that is not whole is left out.
///
/// # Errors
/// If there is no picture, or reading or writing fails.
pub fn encode(mut pictures: File, gif: Gif, directory: &Path) -> Result<Stages, GifError> {
    let file = File::create(directory.join(GIF_FILE)).map_err(GifError::Write)?;
    let mut encoder = Encoder::new(BufWriter::new(file), gif);
    let mut picture = vec![0; encoder.picture_bytes()];
    while fill(&mut pictures, &mut picture).map_err(GifError::Read)? {
        encoder.push(&picture)?;
    }
    let Encoded { output, stages, .. } = encoder.finish()?;
    let flushed = output.into_inner().map_err(io::IntoInnerError::into_error);
    flushed
        .and_then(|mut file| file.flush())
        .map_err(GifError::Write)?;
    Ok(stages)
}

/// Fills `picture`; `false` if the end comes first.
fn fill(pictures: &mut File, picture: &mut [u8]) -> io::Result<bool> {
    match pictures.read_exact(picture) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

impl From<EncodeError> for GifError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Empty => Self::NoPicture,
            EncodeError::Write(error) => Self::Write(error),
            error @ EncodeError::WrongSize { .. } => Self::Write(io::Error::other(error)),
        }
    }
}

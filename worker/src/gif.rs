//! Encodes FFmpeg's raw pictures to a GIF while FFmpeg decodes.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    num::NonZero,
    path::Path,
};

use gifgen_encoder::{Dither, EncodeError, Encoded, Encoder, Gif, KEPT_BYTES, Stages};
use gifgen_shared::{GifDither, Reason, Rejection};

use crate::job::SliceSpec;

/// Name of the GIF in the work directory.
pub(crate) const GIF_FILE: &str = "slice.gif";

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

/// The format of a slice's GIF.
///
/// # Errors
/// If it is higher than GIFs can be. The splitter rejects such a source, but a slice event may
/// name any.
pub(crate) fn format(spec: &SliceSpec) -> Result<Gif, Rejection> {
    let (width, height) = spec.gif_size();
    let side = |pixels: u32| u16::try_from(pixels).ok().and_then(NonZero::new);
    let (Some(columns), Some(rows)) = (side(width), side(height)) else {
        let most = u16::MAX;
        let message = format!("a GIF of {width}x{height} is more than GIFs can be, {most}x{most}");
        return Err(Rejection::new(Reason::TooLarge, message));
    };
    Ok(Gif {
        width: columns,
        height: rows,
        // The setting's range begins with 1.
        fps: NonZero::new(spec.settings.gif_fps).unwrap_or(NonZero::<u32>::MIN),
        // Two enums, since the encoder and the settings do not know each other.
        dither: match spec.settings.gif_dither {
            GifDither::None => Dither::None,
            GifDither::Ordered => Dither::Ordered,
            GifDither::Diffusion => Dither::Diffusion,
        },
    })
}

/// Most memory that encoding takes, in bytes. Measured: 220 MiB where all of [`KEPT_BYTES`] is used.
pub(crate) fn memory(spec: &SliceSpec) -> u64 {
    let (width, height) = spec.gif_size();
    let fps = u64::from(spec.settings.gif_fps);
    let pictures = fps.saturating_mul(spec.slice.still_count().into());
    let bytes = (3 * u64::from(width) * u64::from(height)).saturating_mul(pictures);
    4 * bytes.min(KEPT_BYTES as u64)
}

/// A GIF whose last pictures are not written yet.
pub(crate) type Unfinished = Encoder<BufWriter<File>>;

/// Starts the GIF in `directory`, and encodes `pictures`, FFmpeg's `rawvideo` in `gbrp`, until they
/// end. An incomplete last picture is left out.
///
/// # Errors
/// If reading or writing fails.
pub(crate) fn start(
    mut pictures: File,
    gif: Gif,
    directory: &Path,
) -> Result<Unfinished, GifError> {
    let file = File::create(directory.join(GIF_FILE)).map_err(GifError::Write)?;
    let mut encoder = Encoder::new(BufWriter::new(file), gif);
    let mut picture = vec![0; encoder.picture_bytes()];
    while fill(&mut pictures, &mut picture).map_err(GifError::Read)? {
        encoder.push(&picture)?;
    }
    Ok(encoder)
}

/// Writes the remaining pictures. This takes about one CPU second at most.
///
/// # Errors
/// If there was no picture, or writing fails.
pub(crate) fn finish(gif: Unfinished) -> Result<Stages, GifError> {
    let Encoded { output, stages, .. } = gif.finish()?;
    let flushed = output.into_inner().map_err(io::IntoInnerError::into_error);
    flushed
        .and_then(|mut file| file.flush())
        .map_err(GifError::Write)?;
    Ok(stages)
}

/// Fills `picture` with the next one of `pictures`; `false` if the end comes first.
pub(crate) fn fill(pictures: &mut File, picture: &mut [u8]) -> io::Result<bool> {
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

#[cfg(test)]
mod tests {
    use gifgen_shared::VideoStream;

    use super::*;
    use crate::ffmpeg_args::tests::{SLICE, spec};

    #[test]
    fn a_gif_higher_than_gifs_can_be_is_refused_and_not_squeezed() {
        let spec = spec("none", SLICE);
        let format_of = |height| {
            let video = VideoStream {
                width: 240,
                height,
                ..spec.video
            };
            format(&SliceSpec { video, ..spec })
        };
        let highest = format_of(65_535).unwrap();
        assert_eq!(highest.height.get(), 65_535);
        let refused = format_of(65_536).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "tooLarge: a GIF of 240x65536 is more than GIFs can be, 65535x65535"
        );
    }
}

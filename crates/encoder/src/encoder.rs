//! The encoder: pictures come in one by one, a GIF goes out.
//!
//! A palette can only be made when its pictures are known, so they are kept; but no more of them
//! than [`KEPT_BYTES`]. What is kept is written as a *chapter*, with a palette of its own unless
//! the one before does nearly as well. That bounds memory whatever the length, the size and the
//! rate: at 240 × 135 and 10 pictures a second a chapter is more than a minute, at 1280 × 720 and
//! 30 less than a second.

use std::{
    io::{self, Write},
    num::NonZero,
};

use gif::{DisposalMethod, EncodingError, Frame, Repeat};

use crate::{
    chapter::Chapter,
    dither::Dither,
    frame_encoder::{FrameEncoder, transparent_index},
    lzw::Lzw,
    planes::{Colour, Planes},
    stabilize::stabilized,
    stages::{Stages, timed},
};

/// Pictures that are kept until their palette is made, in bytes; a single one may be larger.
pub const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// The format of a GIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gif {
    /// Width in pixels.
    pub width: NonZero<u16>,
    /// Height in pixels.
    pub height: NonZero<u16>,
    /// Pictures a second, at most 50: delays are hundredths of a second, and browsers slow down
    /// what is below two of them.
    pub fps: NonZero<u32>,
    /// How colours that the palette lacks are shown.
    pub dither: Dither,
}

/// A GIF was not written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A picture is not as large as the GIF.
    #[error("a picture has {bytes} bytes, not {expected}")]
    WrongSize {
        /// Its size in bytes.
        bytes: usize,
        /// What it should be.
        expected: usize,
    },
    /// There was no picture.
    #[error("a GIF needs a picture")]
    Empty,
    /// The output cannot be written.
    #[error("failed to write the GIF")]
    Write(#[from] io::Error),
}

/// A GIF that is written.
#[derive(Debug)]
pub struct Encoded<W> {
    /// Where it was written to, not flushed.
    pub output: W,
    /// Number of pictures.
    pub pictures: u32,
    /// Where the time went.
    pub stages: Stages,
}

impl Gif {
    /// Width in pixels, as what counts pixels wants it.
    pub(crate) fn columns(&self) -> usize {
        usize::from(self.width.get())
    }

    /// Number of pixels of a picture.
    pub(crate) fn pixels(&self) -> usize {
        self.columns() * usize::from(self.height.get())
    }
}

/// Makes a GIF that plays for ever.
pub struct Encoder<W: Write> {
    gif: Gif,
    kept_bytes: usize,
    chapter: Chapter,
    /// The last picture of the chapter before.
    before: Option<Planes>,
    lzw: Lzw,
    written: Written<W>,
    stages: Stages,
}

/// How far the output is: its header holds the first palette, so it waits for that.
enum Written<W: Write> {
    Nothing(W),
    Some(Box<Writer<W>>),
    Failed,
}

/// The output, once its header is written.
struct Writer<W: Write> {
    output: gif::Encoder<W>,
    global: Vec<Colour>,
    painter: FrameEncoder,
    pictures: u32,
}

impl<W: Write> Encoder<W> {
    /// An encoder that writes to `output`.
    pub fn new(output: W, gif: Gif) -> Self {
        Self {
            gif,
            kept_bytes: KEPT_BYTES,
            chapter: Chapter::new(),
            before: None,
            lzw: Lzw::new(),
            written: Written::Nothing(output),
            stages: Stages::default(),
        }
    }

    /// The same, with another limit than [`KEPT_BYTES`].
    #[cfg(test)]
    pub(crate) fn keeping(self, kept_bytes: usize) -> Self {
        Self { kept_bytes, ..self }
    }

    /// Size of a picture, in bytes: three for each pixel.
    pub fn picture_bytes(&self) -> usize {
        3 * self.gif.pixels()
    }

    /// Adds a picture: a plane of green, one of blue and one of red bytes, each row by row, as
    /// FFmpeg's pixel format `gbrp` has them.
    ///
    /// # Errors
    /// If the picture has another size than the GIF, or the output cannot be written.
    pub fn push(&mut self, picture: &[u8]) -> Result<(), EncodeError> {
        let expected = self.picture_bytes();
        if picture.len() != expected {
            let bytes = picture.len();
            return Err(EncodeError::WrongSize { bytes, expected });
        }
        let picture = Planes::new(picture.to_vec());
        timed(&mut self.stages.stabilize, || {
            let picture = match self.chapter.pictures().last().or(self.before.as_ref()) {
                Some(before) => stabilized(before, &picture, self.gif.columns()),
                None => picture,
            };
            self.chapter.add(picture);
        });
        if (self.chapter.pictures().len() + 1).saturating_mul(expected) > self.kept_bytes {
            self.write_chapter()?;
        }
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// If there was no picture, or the output cannot be written.
    pub fn finish(mut self) -> Result<Encoded<W>, EncodeError> {
        if !self.chapter.pictures().is_empty() {
            self.write_chapter()?;
        }
        match self.written {
            Written::Some(writer) => Ok(Encoded {
                output: writer.output.into_inner().map_err(write_error)?,
                pictures: writer.pictures,
                stages: self.stages,
            }),
            Written::Nothing(_) => Err(EncodeError::Empty),
            Written::Failed => Err(failed_before()),
        }
    }

    fn write_chapter(&mut self) -> Result<(), EncodeError> {
        let chapter = std::mem::replace(&mut self.chapter, Chapter::new());
        let written = std::mem::replace(&mut self.written, Written::Failed);
        let mut writer = timed(&mut self.stages.palette, || {
            let (palette, exact) = chapter.palette();
            let painter =
                |palette| FrameEncoder::new(self.gif.dither, self.gif.columns(), palette, exact);
            match written {
                Written::Nothing(output) => {
                    Writer::start(output, self.gif, painter(palette)).map(Box::new)
                }
                Written::Some(mut writer) => {
                    if !chapter.is_served_by(&writer.painter, &palette) {
                        writer.painter = painter(palette);
                    }
                    Ok(writer)
                }
                Written::Failed => Err(failed_before()),
            }
        })?;
        let mut before = self.before.as_ref();
        for picture in chapter.pictures() {
            let delay = delay(writer.pictures, self.gif.fps);
            writer.draw(before, picture, delay, &mut self.lzw, &mut self.stages)?;
            before = Some(picture);
        }
        self.before = chapter.into_last();
        self.written = Written::Some(writer);
        Ok(())
    }
}

impl<W: Write> Writer<W> {
    fn start(output: W, gif: Gif, painter: FrameEncoder) -> Result<Self, EncodeError> {
        let global = painter.entries().to_vec();
        let (width, height) = (gif.width.get(), gif.height.get());
        let mut output =
            gif::Encoder::new(output, width, height, &with_stay(&global)).map_err(write_error)?;
        output.set_repeat(Repeat::Infinite).map_err(write_error)?;
        Ok(Self {
            output,
            global,
            painter,
            pictures: 0,
        })
    }

    fn draw(
        &mut self,
        before: Option<&Planes>,
        picture: &Planes,
        delay: u16,
        lzw: &mut Lzw,
        stages: &mut Stages,
    ) -> Result<(), EncodeError> {
        self.pictures += 1;
        let written = match self.painter.frame(before, picture, lzw, stages) {
            Some(mut frame) => {
                let local = self.painter.entries() != self.global;
                frame.palette = local.then(|| with_stay(self.painter.entries()));
                frame.delay = delay;
                self.output.write_lzw_pre_encoded_frame(&frame)
            }
            None => {
                let transparent_index = transparent_index(&self.global);
                let frame =
                    Frame::from_indexed_pixels(1, 1, [transparent_index], Some(transparent_index));
                self.output.write_frame(&Frame {
                    delay,
                    dispose: DisposalMethod::Keep,
                    ..frame
                })
            }
        };
        written.map_err(write_error)
    }
}

/// A colour table, with an entry for "stay as it is".
fn with_stay(entries: &[Colour]) -> Vec<u8> {
    let transparent_index = [0; 3];
    entries
        .iter()
        .chain([&transparent_index])
        .flatten()
        .copied()
        .collect()
}

/// How long a picture stands, in hundredths of a second: the rounding is carried on, so that no
/// picture is early or late by more than half a hundredth.
fn delay(picture: u32, fps: NonZero<u32>) -> u16 {
    let fps = u64::from(fps.get());
    let starts = |picture: u64| (picture * 100 + fps / 2) / fps;
    (starts(u64::from(picture) + 1) - starts(picture.into())) as u16
}

fn failed_before() -> EncodeError {
    EncodeError::Write(io::Error::other("an earlier write failed"))
}

fn write_error(error: EncodingError) -> EncodeError {
    EncodeError::Write(match error {
        EncodingError::Io(error) => error,
        other => io::Error::other(other),
    })
}

//! The encoder: takes pictures one by one and writes a GIF.
//!
//! A palette can only be computed when its pictures are known, so they are buffered, up to
//! [`KEPT_BYTES`]. The buffered pictures are written as a *chapter*. It gets a palette of its own
//! unless the previous one does nearly as well. This bounds memory for every length, size and rate:
//! a chapter of 240 × 135 at 10 pictures per second is more than a minute long, one of 1280 × 720
//! at 30 less than a second.

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

/// Limit of the buffered pictures, in bytes. A single picture may be larger.
pub const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// A GIF's size, rate and dithering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gif {
    /// In pixels.
    pub width: NonZero<u16>,
    /// In pixels.
    pub height: NonZero<u16>,
    /// Pictures per second, at most 50: GIF delays are hundredths of a second, and browsers slow
    /// down delays below two.
    pub fps: NonZero<u32>,
    /// How to show colours that the palette lacks.
    pub dither: Dither,
}

/// Why a GIF was not written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The picture's size is not the GIF's.
    #[error("a picture has {bytes} bytes, not {expected}")]
    WrongSize {
        /// Size of the picture, in bytes.
        bytes: usize,
        /// Size that the GIF needs, in bytes.
        expected: usize,
    },
    /// No picture was pushed.
    #[error("a GIF needs a picture")]
    Empty,
    /// The output failed.
    #[error("failed to write the GIF")]
    Write(#[from] io::Error),
}

/// The result of [`Encoder::finish`].
#[derive(Debug)]
pub struct Encoded<W> {
    /// Not flushed yet.
    pub output: W,
    /// Number of pictures pushed.
    pub pictures: u32,
    /// Time per stage.
    pub stages: Stages,
}

impl Gif {
    /// Width in pixels.
    pub(crate) fn columns(&self) -> usize {
        usize::from(self.width.get())
    }

    /// Pixels per picture.
    pub(crate) fn pixels(&self) -> usize {
        self.columns() * usize::from(self.height.get())
    }
}

/// Encodes a GIF that loops forever.
pub struct Encoder<W: Write> {
    gif: Gif,
    kept_bytes: usize,
    chapter: Chapter,
    /// The last picture of the previous chapter.
    before: Option<Planes>,
    lzw: Lzw,
    state: OutputState<W>,
    stages: Stages,
}

/// State of the output. The header holds the first palette, so it is written with the first
/// chapter.
enum OutputState<W: Write> {
    NotStarted(W),
    Started(Box<Writer<W>>),
    Failed,
}

struct Writer<W: Write> {
    output: gif::Encoder<W>,
    global: Vec<Colour>,
    frame_encoder: FrameEncoder,
    pictures: u32,
}

impl<W: Write> Encoder<W> {
    /// Creates an encoder that writes the GIF to `output`.
    pub fn new(output: W, gif: Gif) -> Self {
        Self {
            gif,
            kept_bytes: KEPT_BYTES,
            chapter: Chapter::new(),
            before: None,
            lzw: Lzw::new(),
            state: OutputState::NotStarted(output),
            stages: Stages::default(),
        }
    }

    /// Replaces [`KEPT_BYTES`].
    #[cfg(test)]
    pub(crate) fn keeping(self, kept_bytes: usize) -> Self {
        Self { kept_bytes, ..self }
    }

    /// Size of a picture in bytes: three per pixel.
    pub fn picture_bytes(&self) -> usize {
        3 * self.gif.pixels()
    }

    /// Adds a picture: a plane of green bytes, one of blue and one of red, each row by row. This is
    /// FFmpeg's pixel format `gbrp`.
    ///
    /// # Errors
    /// The picture's size is not the GIF's, or the output failed.
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

    /// Writes the buffered pictures and the trailer.
    ///
    /// # Errors
    /// No picture was pushed, or the output failed.
    pub fn finish(mut self) -> Result<Encoded<W>, EncodeError> {
        if !self.chapter.pictures().is_empty() {
            self.write_chapter()?;
        }
        match self.state {
            OutputState::Started(writer) => Ok(Encoded {
                output: writer.output.into_inner().map_err(write_error)?,
                pictures: writer.pictures,
                stages: self.stages,
            }),
            OutputState::NotStarted(_) => Err(EncodeError::Empty),
            OutputState::Failed => Err(failed_before()),
        }
    }

    fn write_chapter(&mut self) -> Result<(), EncodeError> {
        let chapter = std::mem::replace(&mut self.chapter, Chapter::new());
        let state = std::mem::replace(&mut self.state, OutputState::Failed);
        let mut writer = timed(&mut self.stages.palette, || {
            let (palette, exact) = chapter.palette();
            let frame_encoder =
                |palette| FrameEncoder::new(self.gif.dither, self.gif.columns(), palette, exact);
            match state {
                OutputState::NotStarted(output) => {
                    Writer::start(output, self.gif, frame_encoder(palette)).map(Box::new)
                }
                OutputState::Started(mut writer) => {
                    if !chapter.is_served_by(&writer.frame_encoder, &palette) {
                        writer.frame_encoder = frame_encoder(palette);
                    }
                    Ok(writer)
                }
                OutputState::Failed => Err(failed_before()),
            }
        })?;
        let mut before = self.before.as_ref();
        for picture in chapter.pictures() {
            let delay = delay(writer.pictures, self.gif.fps);
            writer.draw(before, picture, delay, &mut self.lzw, &mut self.stages)?;
            before = Some(picture);
        }
        self.before = chapter.into_last();
        self.state = OutputState::Started(writer);
        Ok(())
    }
}

impl<W: Write> Writer<W> {
    fn start(output: W, gif: Gif, frame_encoder: FrameEncoder) -> Result<Self, EncodeError> {
        let global = frame_encoder.entries().to_vec();
        let (width, height) = (gif.width.get(), gif.height.get());
        let mut output = gif::Encoder::new(output, width, height, &colour_table(&global))
            .map_err(write_error)?;
        output.set_repeat(Repeat::Infinite).map_err(write_error)?;
        Ok(Self {
            output,
            global,
            frame_encoder,
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
        let written = match self.frame_encoder.frame(before, picture, lzw, stages) {
            Some(mut frame) => {
                let local = self.frame_encoder.entries() != self.global;
                frame.palette = local.then(|| colour_table(self.frame_encoder.entries()));
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

/// The entries, and one more for the transparent index.
fn colour_table(entries: &[Colour]) -> Vec<u8> {
    let transparent_index = [0; 3];
    entries
        .iter()
        .chain([&transparent_index])
        .flatten()
        .copied()
        .collect()
}

/// Delay of a picture, in hundredths of a second. The rounding error is carried on, so no picture
/// is early or late by more than half a hundredth.
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

//! Raw pictures, as FFmpeg passes them to the GIF encoder.

use std::{num::NonZero, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{
    clip::{Clip, SLICE_SECONDS},
    run::finish,
};

/// Pictures per second.
pub const FPS: NonZero<u32> = NonZero::new(10).unwrap();

/// Width in pixels.
const WIDTH: NonZero<u16> = NonZero::new(240).unwrap();

/// The pictures of a clip's first slice, in memory.
#[derive(Debug)]
pub struct RawPictures {
    /// Width in pixels.
    pub width: NonZero<u16>,
    /// Height in pixels.
    pub height: NonZero<u16>,
    bytes: Vec<u8>,
}

impl RawPictures {
    /// Decodes and scales the first slice of `clip`.
    ///
    /// # Errors
    /// FFmpeg fails or gives no picture.
    pub fn of(clip: &Clip) -> Result<Self> {
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-select_streams", "V:0"]);
        command.args(["-show_entries", "stream=width,height", "-of", "csv=p=0"]);
        let said = finish(command.arg(&clip.path))?.stdout;
        let said = String::from_utf8_lossy(&said);
        let height = height(said.trim()).context("ffprobe tells no size")?;
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-t", &SLICE_SECONDS.to_string()]);
        command.arg("-i").arg(&clip.path).args(["-map", "0:V:0"]);
        let filters = format!("fps={FPS},scale={WIDTH}:{height}:flags=lanczos,format=gbrp");
        command.args(["-vf", &filters, "-f", "rawvideo", "-"]);
        let bytes = finish(&mut command)?.stdout;
        ensure!(!bytes.is_empty(), "{} has no pictures", clip.path.display());
        Ok(Self {
            width: WIDTH,
            height,
            bytes,
        })
    }

    /// The pictures in order.
    pub fn each(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.picture_bytes())
    }

    /// Number of pictures.
    pub fn count(&self) -> usize {
        self.bytes.len() / self.picture_bytes()
    }

    /// Number of pixels of all pictures.
    pub fn pixels(&self) -> usize {
        self.bytes.len() / 3
    }

    fn picture_bytes(&self) -> usize {
        3 * usize::from(self.width.get()) * usize::from(self.height.get())
    }
}

/// The height at [`WIDTH`], from ffprobe's size of a stream, such as `1920,1080`.
fn height(said: &str) -> Option<NonZero<u16>> {
    let (width, height) = said.split_once(',')?;
    let (width, height): (f64, f64) = (
        width.parse().ok()?,
        height.trim_end_matches(',').parse().ok()?,
    );
    NonZero::new((height * f64::from(WIDTH.get()) / width).round().max(1.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_keeps_the_aspect_ratio() {
        assert_eq!(height("1920,1080"), NonZero::new(135));
        assert_eq!(height("no"), None);
    }
}

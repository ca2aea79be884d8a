//! The settings that determine a run's objects. A run keeps the settings that it began with.

use serde::{Deserialize, Serialize};

use crate::video_stream::VideoStream;

/// Format of the previews. `docs/operations.md` explains each setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PreviewSettings {
    /// Length of a slice in seconds, 1 to 900, both inclusive.
    pub slice_seconds: u32,
    /// Kind of stills.
    pub frames: Frames,
    /// Width of GIFs in pixels, 16 to 1280, both inclusive.
    pub gif_width: u32,
    /// Frame rate of GIFs in frames a second, 1 to 30, both inclusive.
    pub gif_fps: u32,
    /// Dithering of GIFs, a trade-off of size against banding.
    pub gif_dither: GifDither,
    /// Pictures that FFmpeg decodes.
    pub decode: Decode,
    /// Width of stills in pixels, 16 to 3840, both inclusive; `None` keeps the source's.
    pub frame_width: Option<u32>,
    /// JPG quality on FFmpeg's scale, 2 (best) to 31, both inclusive.
    pub frame_quality: u32,
}

impl PreviewSettings {
    /// Width and height of the GIFs of `video`, in pixels.
    pub fn gif_size(&self, video: &VideoStream) -> (u32, u32) {
        (self.gif_width, video.height_at(self.gif_width))
    }
}

impl Default for PreviewSettings {
    /// The defaults that `docs/operations.md` lists.
    fn default() -> Self {
        Self {
            slice_seconds: 30,
            frames: Frames::Each,
            gif_width: 240,
            gif_fps: 10,
            gif_dither: GifDither::Ordered,
            decode: Decode::Exact,
            frame_width: None,
            frame_quality: 5,
        }
    }
}

/// Kind of stills that a slice gets. The setting takes the same names as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Frames {
    /// One JPG for each whole second.
    Each,
    /// One sprite sheet for each slice.
    Storyboard,
    /// Neither stills nor sheets.
    None,
}

/// How a GIF shows colours that its palette lacks. The setting takes the same names as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GifDither {
    /// Nearest colour of the palette. Fewest bytes, but smooth gradients show bands.
    None,
    /// A fixed pattern, only where the picture is smooth.
    Ordered,
    /// Error diffusion to the pixels around. Most bytes.
    Diffusion,
}

/// Pictures of a video that FFmpeg decodes. The setting takes the same names as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decode {
    /// All. A sample shows what is on screen at its time.
    Exact,
    /// Reference pictures only. Some 20 % less CPU time, but a sample may show an earlier picture than it
    /// should.
    Fast,
}

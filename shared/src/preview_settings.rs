//! What previews look like: the settings that decide about a run's objects. A run keeps those that
//! it began with.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::video_stream::VideoStream;

/// What previews look like; `README.md` says what each setting means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PreviewSettings {
    /// Length of a slice, 1 to 900 seconds.
    pub slice_seconds: u32,
    /// What stills to make.
    pub frames: Frames,
    /// Width of GIFs, 16 to 1280 pixels.
    pub gif_width: u32,
    /// Frames a second of GIFs, 1 to 30.
    pub gif_fps: u32,
    /// How GIFs are dithered.
    pub gif_dither: GifDither,
    /// Which pictures are decoded.
    pub decode: Decode,
    /// Width of stills, 16 to 3840 pixels; `None` is the source's width.
    pub frame_width: Option<u32>,
    /// Quality of stills on FFmpeg's scale for JPGs, from 2 (best) to 31.
    pub frame_quality: u32,
}

impl PreviewSettings {
    /// Width and height of a GIF of `video`, in pixels.
    pub fn gif_size(&self, video: &VideoStream) -> (u32, u32) {
        (self.gif_width, video.height_at(self.gif_width))
    }
}

impl Default for PreviewSettings {
    /// The defaults of `README.md`.
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

/// What stills a slice gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Frames {
    /// One JPG for each whole second.
    Each,
    /// One sprite sheet for the slice.
    Storyboard,
    /// No stills.
    None,
}

/// How colours that a GIF's palette lacks are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GifDither {
    /// By the nearest colour of the palette: fewest bytes, but smooth gradients band.
    None,
    /// By a fixed pattern, where the picture is smooth.
    Ordered,
    /// By spreading the error over the pixels around: most bytes.
    Diffusion,
}

/// Which pictures of a video are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decode {
    /// All: a sample shows what is on screen at its time.
    Exact,
    /// Only those that others refer to: some 15 % cheaper, but a sample may show a picture that is
    /// some pictures old.
    Fast,
}

impl FromStr for Frames {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "each" => Ok(Self::Each),
            "storyboard" => Ok(Self::Storyboard),
            "none" => Ok(Self::None),
            _ => Err(()),
        }
    }
}

impl FromStr for GifDither {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "none" => Ok(Self::None),
            "ordered" => Ok(Self::Ordered),
            "diffusion" => Ok(Self::Diffusion),
            _ => Err(()),
        }
    }
}

impl FromStr for Decode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "exact" => Ok(Self::Exact),
            "fast" => Ok(Self::Fast),
            _ => Err(()),
        }
    }
}

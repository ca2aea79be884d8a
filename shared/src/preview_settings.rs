//! The settings that determine a run's objects. A run keeps the settings that it began with.

use serde::{Deserialize, Serialize};

use crate::{
    overview::{self, Sheet},
    tracks::Tracks,
    video_stream::VideoStream,
};

/// Format of the previews. `docs/operations.md` explains each setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PreviewSettings {
    /// Length of a slice in seconds, 1 to 900, both inclusive.
    pub slice_seconds: u32,
    /// Kind of stills.
    pub frames: Frames,
    /// Whether slices get GIFs.
    pub gifs: Gifs,
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
    /// Pictures of the overview. Runs that began without this setting have none.
    #[serde(default = "no_overview")]
    pub overview: Overview,
    /// Seconds between two tiles of the overview, from 1; `None` gives a film up to 1,080 tiles.
    pub overview_interval: Option<u32>,
    /// Width of the overview's tiles in pixels, 16 to 320, both inclusive.
    pub overview_width: u32,
    /// Formats of the tracks.
    pub tracks: Tracks,
    /// Whether objects of an earlier run stay that the new run does not have.
    pub keep_old: bool,
}

impl PreviewSettings {
    /// Width and height of the GIFs of `video`, in pixels.
    pub fn gif_size(&self, video: &VideoStream) -> (u32, u32) {
        (self.gif_width, video.height_at(self.gif_width))
    }

    /// Whether slices have any output.
    pub fn wants_slices(&self) -> bool {
        self.gifs != Gifs::None || self.frames != Frames::None
    }

    /// The sheets of the overview of a film of `length` seconds.
    pub fn sheets(&self, length: f64) -> Vec<Sheet> {
        match self.overview {
            Overview::None => Vec::new(),
            Overview::Keyframes | Overview::Exact => {
                overview::sheets(length, overview::interval(length, self.overview_interval))
            }
        }
    }
}

fn no_overview() -> Overview {
    Overview::None
}

impl Default for PreviewSettings {
    /// The defaults that `docs/operations.md` lists.
    fn default() -> Self {
        Self {
            slice_seconds: 30,
            frames: Frames::Both,
            gifs: Gifs::Each,
            gif_width: 240,
            gif_fps: 10,
            gif_dither: GifDither::Ordered,
            decode: Decode::Exact,
            frame_width: None,
            frame_quality: 5,
            overview: Overview::Keyframes,
            overview_interval: None,
            overview_width: 160,
            tracks: Tracks::default(),
            keep_old: false,
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
    /// Stills and sprite sheets.
    Both,
    /// Neither stills nor sheets.
    None,
}

/// Whether slices get GIFs. The setting takes the same names as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Gifs {
    /// One for each slice.
    Each,
    /// None.
    None,
}

/// Pictures of an overview. The setting takes the same names as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Overview {
    /// Keyframes, each with its own time.
    Keyframes,
    /// The pictures on screen at multiples of the interval.
    Exact,
    /// There is no overview.
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

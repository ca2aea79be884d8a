//! What one event asks for, resolved and checked.

use std::sync::Arc;

use gifgen_index::Excerpt;
use gifgen_reader::Reader;
use gifgen_shared::{PreviewSettings, Slice, Timeline, VideoStream};

use crate::tiles::Tiles;

/// What to render, and what to render it from. The renderer asks neither S3 nor the ledger for more.
///
/// A slice is the only kind so far. A new kind would replace `slice`.
#[derive(Clone, Debug)]
pub(crate) struct SliceJob {
    /// Reads the source in one version.
    pub reader: Arc<Reader>,
    /// FFmpeg's name of the source's container.
    pub container: String,
    /// FFmpeg's name of the video's codec.
    pub codec: String,
    /// The part of the source that the job needs. Without it, FFmpeg seeks for itself.
    pub excerpt: Option<Excerpt>,
    /// How the film's times follow from the source, if FFmpeg would find others when it seeks. Then only
    /// an excerpt is right.
    pub timeline: Option<Timeline>,
    /// What to make.
    pub slice: SliceSpec,
}

/// The previews of one slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SliceSpec {
    /// The time range.
    pub slice: Slice,
    /// The video stream in the source.
    pub video: VideoStream,
    /// Sizes and rates.
    pub settings: PreviewSettings,
}

/// A picture whose pts is up to this many seconds after *t* counts as on screen at *t*: Matroska and FLV
/// round timestamps to milliseconds.
pub(crate) const ON_SCREEN_TOLERANCE: f64 = 0.001;

impl SliceSpec {
    /// The time on the container's clock, in seconds, from which the times of pictures count. A picture at
    /// this time or before it is on screen at the slice's start.
    pub(crate) fn zero(&self) -> f64 {
        self.video.start_time + f64::from(self.slice.start) + ON_SCREEN_TOLERANCE
    }

    /// Width and height of the GIF, in pixels.
    pub(crate) fn gif_size(&self) -> (u32, u32) {
        self.settings.gif_size(&self.video)
    }

    /// Number of pictures in the GIF.
    pub(crate) fn gif_frames(&self) -> u32 {
        self.slice.gif_frames(self.settings.gif_fps)
    }

    /// Width and height of the stills, in pixels.
    pub(crate) fn still_size(&self) -> (u32, u32) {
        match self.settings.frame_width {
            Some(width) => (width, self.video.height_at(width)),
            None => (self.video.width, self.video.height),
        }
    }

    /// Layout of the sprite sheet.
    pub(crate) fn tiles(&self) -> Tiles {
        let count = self.slice.still_count();
        Tiles::of(count, &self.video, self.settings.frame_width)
    }
}

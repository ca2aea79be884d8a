//! From the seconds of a video to the ticks of its container.

use std::{collections::BTreeSet, ops::Range};

use gifgen_shared::{Slice, VideoStream};
use serde::{Deserialize, Serialize};

/// A picture up to this many seconds after a slice's bound counts as on screen at the bound.
const TOLERANCE_SECONDS: f64 = 0.001;

/// The pts of a video.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clock {
    /// When the first picture is shown, in seconds of the container.
    start_time: f64,
    /// `ticks` ticks take `in_seconds` seconds. One number instead of two would be rounded.
    ticks: f64,
    in_seconds: f64,
}

impl Clock {
    /// The clock of `video`. `ticks` ticks take `in_seconds` seconds.
    pub(crate) fn new(video: &VideoStream, ticks: f64, in_seconds: f64) -> Self {
        Self {
            start_time: video.start_time,
            ticks,
            in_seconds,
        }
    }

    /// The pts `seconds` after the first picture.
    pub(crate) fn pts(&self, seconds: f64) -> i64 {
        ((self.start_time + seconds) * self.ticks / self.in_seconds).round() as i64
    }

    /// How many ticks cover `seconds`.
    pub(crate) fn span(&self, seconds: f64) -> i64 {
        (seconds * self.ticks / self.in_seconds).ceil() as i64
    }

    /// Ticks in a second.
    pub(crate) fn timescale(&self) -> f64 {
        self.ticks / self.in_seconds
    }

    /// Whether its numbers can be reckoned with.
    pub(crate) fn is_sane(&self) -> bool {
        let scale = self.timescale();
        self.start_time.abs() < 1e9 && scale.is_finite() && (1.0..=1e9).contains(&scale)
    }

    /// From the first picture to `pts`, in seconds.
    pub(crate) fn seconds(&self, pts: i64) -> f64 {
        pts as f64 * self.in_seconds / self.ticks - self.start_time
    }

    /// The pts of a slice's start and of its end.
    pub(crate) fn range(&self, slice: &Slice) -> Range<i64> {
        self.bound(f64::from(slice.start))..self.bound(slice.end)
    }

    /// The bounds of all `slices`, except the start of the video.
    pub(crate) fn bounds(&self, slices: &[Slice]) -> BTreeSet<i64> {
        let ranges = slices.iter().map(|slice| self.range(slice));
        let bounds = ranges.flat_map(|range| [range.start, range.end]);
        let start = self.bound(0.0);
        bounds.filter(|bound| *bound > start).collect()
    }

    fn bound(&self, seconds: f64) -> i64 {
        let tolerance = (TOLERANCE_SECONDS * self.ticks / self.in_seconds).round() as i64;
        self.pts(seconds).saturating_add(tolerance)
    }
}

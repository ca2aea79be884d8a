//! From the timestamps of the media to those that FFmpeg gives pictures.
//!
//! FFmpeg has two ways. In plain files it drops what is outside of the edit, and the first picture inside starts at
//! the end of the empty edit (`mov_fix_index` in its `libavformat/mov.c`). In fragmented files, and for tracks behind
//! one without samples, it only shifts by the edit list, and shifts back by the most negative composition offset
//! (`mov_read_trun`).

use std::ops::Range;

use super::{boxes::none, edits::Edits, samples::Samples};
use crate::error::IndexError;

/// How FFmpeg times the pictures of a track.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clock {
    /// What FFmpeg subtracts from a pts, in ticks.
    pub(super) shift: i64,
    /// The pts of the media that are shown at all, in ticks.
    pub(super) visible: Range<i64>,
    /// Ticks in a second.
    timescale: u32,
    /// When FFmpeg shows the first picture, in seconds.
    start_time: f64,
}

/// Where the samples of a track are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// In tables, and FFmpeg obeys the edit list.
    Tables,
    /// In tables, but FFmpeg only shifts by the edit list.
    ShiftedTables,
    /// In fragments.
    Fragments,
}

/// The rounding error of a time with six decimals, in seconds.
const ROUNDING_SECONDS: f64 = 0.5e-6;

impl Clock {
    /// The clock of a track whose first picture FFmpeg shows at `start_time` seconds.
    ///
    /// # Errors
    /// If FFmpeg should show it at another time.
    pub(super) fn new(
        samples: &Samples,
        edits: Option<Edits>,
        origin: Origin,
        timescale: u32,
        start_time: f64,
    ) -> Result<Self, IndexError> {
        let mut visible = i64::MIN..i64::MAX;
        if let (Some(edits), Origin::Tables) = (edits, origin) {
            visible = edits.start..edits.start.saturating_add(edits.duration);
        }
        let pictures = samples.iter().filter(|sample| sample.size > 0);
        let first = pictures
            .map(|sample| sample.pts())
            .filter(|pts| visible.contains(pts));
        let first = first.min().ok_or_else(|| none("no picture is shown"))?;
        let shift = match (edits, origin) {
            (None, Origin::Tables | Origin::ShiftedTables) => 0,
            (Some(edits), Origin::Tables) => first.saturating_sub(edits.empty),
            (Some(edits), Origin::ShiftedTables) => edits.start - edits.empty,
            (edits, Origin::Fragments) => {
                let edits = edits.unwrap_or_default();
                let most_negative = i64::from(samples.least_composition_offset);
                edits.start - edits.empty + most_negative
            }
        };
        let clock = Self {
            shift,
            visible,
            timescale,
            start_time,
        };
        let measured = start_time * f64::from(timescale);
        let expected = first.saturating_sub(shift) as f64;
        if (measured - expected).abs() > ROUNDING_SECONDS * f64::from(timescale) + 0.5 {
            return Err(none(format!(
                "the first picture is shown at {measured} and not at {expected}, in 1/{timescale} s"
            )));
        }
        Ok(clock)
    }

    /// The clock of samples that have the times of the film already.
    pub(super) fn of_the_film(timescale: u32) -> Self {
        Self {
            shift: 0,
            visible: i64::MIN..i64::MAX,
            timescale,
            start_time: 0.0,
        }
    }

    /// The seconds of the film, after its first picture, at the media's `pts`.
    pub(super) fn seconds(&self, pts: i64) -> f64 {
        let ticks = pts.saturating_sub(self.shift) as f64;
        ticks / f64::from(self.timescale) - self.start_time
    }

    /// Shows the last of `samples`, which ends at `end`, if it has no duration and the edit ends with it. FFmpeg leaves
    /// it out. Whether that is so.
    pub(super) fn show_last(&mut self, samples: &Samples, end: i64) -> bool {
        let Some(last) = samples.last().filter(|last| last.size > 0) else {
            return false;
        };
        // The edit's duration is rounded to a thousandth of a second as a rule.
        let rounding = i64::from(self.timescale / 1000) + 1;
        let is_left_out = last.dts >= end
            && self.visible.end <= last.pts()
            && last.pts() - self.visible.end <= rounding;
        if is_left_out {
            self.visible.end = i64::MAX / 4;
        }
        is_left_out
    }

    /// The pts of the media `seconds` after the first picture, rounded down.
    pub(super) fn media_pts(&self, seconds: f64) -> i64 {
        let seconds = self.start_time + seconds;
        let ticks = (seconds * f64::from(self.timescale)).floor() as i64;
        ticks.saturating_add(self.shift)
    }
}

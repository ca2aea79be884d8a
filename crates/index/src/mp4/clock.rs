//! From the media's times to those that FFmpeg gives pictures.
//!
//! FFmpeg has two ways. In plain files it drops what is outside of the edit, and puts the first
//! picture inside at the end of the empty edit (`mov_fix_index` in its `libavformat/mov.c`). In
//! fragmented ones, and for tracks behind one without samples, it only shifts by the edit list, and
//! shifts back by the most negative composition offset (`mov_read_trun`).

use std::ops::Range;

use super::{boxes::none, edits::Edits, sample::Sample};
use crate::container_index::IndexError;

/// How FFmpeg times the pictures of a track.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clock {
    /// What it subtracts, in ticks.
    pub(super) shift: i64,
    /// When pictures of the media are shown at all, in its own ticks.
    pub(super) shown: Range<i64>,
    /// Ticks in a second.
    timescale: u32,
    /// When it shows the first one, in seconds.
    start_time: f64,
}

/// How the samples of a track came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// By tables, and FFmpeg heeds the edit list.
    Tables,
    /// By tables, but FFmpeg only shifts by the edit list.
    ShiftedTables,
    /// By fragments.
    Fragments,
}

/// Most seconds by which a time with six decimals is off.
const ROUNDING_SECONDS: f64 = 0.5e-6;

impl Clock {
    /// The clock of a track whose first picture FFmpeg shows at `start_time` seconds.
    ///
    /// # Errors
    /// If that is not when it should show it.
    pub(super) fn new(
        samples: &[Sample],
        edits: Option<Edits>,
        origin: Origin,
        timescale: u32,
        start_time: f64,
    ) -> Result<Self, IndexError> {
        let mut shown = i64::MIN..i64::MAX;
        if let (Some(edits), Origin::Tables) = (edits, origin) {
            shown = edits.start..edits.start.saturating_add(edits.length);
        }
        let times = samples.iter().filter(|sample| sample.size > 0);
        let first = times.map(Sample::shown).filter(|time| shown.contains(time));
        let first = first.min().ok_or_else(|| none("no picture is shown"))?;
        let shift = match (edits, origin) {
            (None, Origin::Tables | Origin::ShiftedTables) => 0,
            (Some(edits), Origin::Tables) => first.saturating_sub(edits.empty),
            (Some(edits), Origin::ShiftedTables) => edits.start - edits.empty,
            (edits, Origin::Fragments) => {
                let edits = edits.unwrap_or_default();
                edits.start - edits.empty - most_negative(samples)
            }
        };
        let clock = Self {
            shift,
            shown,
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

    /// The media's time `seconds` after the first picture, in ticks: the whole tick before it.
    pub(super) fn media_time(&self, seconds: f64) -> i64 {
        let seconds = self.start_time + seconds;
        let ticks = (seconds * f64::from(self.timescale)).floor() as i64;
        ticks.saturating_add(self.shift)
    }
}

/// By how much FFmpeg moves fragments because of negative composition offsets, in ticks.
fn most_negative(samples: &[Sample]) -> i64 {
    let delays = samples.iter().map(|sample| i64::from(sample.delay));
    -delays.min().unwrap_or(0).min(0)
}

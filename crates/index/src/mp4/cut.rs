//! Which samples a slice needs.

use std::ops::Range;

use gifgen_shared::slice::Slice;

use super::{clock::Clock, sample::Sample};

/// How much earlier a keyframe may seem than a slice's start, or a picture than its end, in seconds.
const TOLERANCE_SECONDS: f64 = 0.001;

/// Finds the samples of slices.
#[derive(Debug)]
pub(super) struct Cutter<'a> {
    samples: &'a [Sample],
    clock: &'a Clock,
    /// For each sample, when the first of it and those behind it is shown: ascending, which times of
    /// pictures in decoding order are not.
    from_here: Vec<i64>,
    /// Samples at which decoding can start.
    syncs: Vec<usize>,
    from_sync: Vec<i64>,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(samples: &'a [Sample], clock: &'a Clock) -> Self {
        let syncs = samples.iter().enumerate();
        let syncs = syncs.filter(|(_, sample)| sample.sync && sample.size > 0);
        let syncs: Vec<usize> = syncs.map(|(place, _)| place).collect();
        Self {
            samples,
            clock,
            from_here: running_min(samples.iter().map(Sample::shown)),
            from_sync: running_min(syncs.iter().map(|place| samples[*place].shown())),
            syncs,
        }
    }

    /// From the last sync sample that is shown at the start of `slice` or before it, to the last
    /// sample that is shown before its end, and the next one: it says how long that one stands, which
    /// FFmpeg would else guess where pictures are reordered. Leading pictures of that sync sample, which may need what
    /// is before it, are shown before it and thus before the slice.
    pub(super) fn samples(&self, slice: &Slice) -> Option<Range<usize>> {
        let starts = f64::from(slice.start) + TOLERANCE_SECONDS;
        let starts = self.clock.media_time(starts);
        let ends = self.clock.media_time(slice.end + TOLERANCE_SECONDS);

        let before = self.from_sync.partition_point(|time| *time <= starts);
        let first = match before.checked_sub(1) {
            Some(last) => self.syncs[last],
            None if slice.start == 0 => 0,
            None => return None,
        };
        let visible_end = ends.min(self.clock.shown.end);
        let end = self.from_here.partition_point(|time| *time < visible_end);
        let next = usize::from(ends <= self.clock.shown.end);
        let range = first..(end + next).min(self.samples.len());
        // FFmpeg would decode those behind the end of the edit, but not show them.
        let are_hidden = ends > self.clock.shown.end
            && self
                .samples
                .get(range.clone())?
                .iter()
                .any(|sample| (self.clock.shown.end..ends).contains(&sample.shown()));
        (!are_hidden && !range.is_empty()).then_some(range)
    }
}

/// For each value the least of it and those behind it.
fn running_min(values: impl DoubleEndedIterator<Item = i64>) -> Vec<i64> {
    let mut least = i64::MAX;
    let mut all: Vec<i64> = values
        .rev()
        .map(|value| {
            least = least.min(value);
            least
        })
        .collect();
    all.reverse();
    all
}

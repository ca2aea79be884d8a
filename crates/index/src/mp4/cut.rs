//! Which samples a slice needs.

use std::ops::Range;

use gifgen_shared::Slice;

use super::{clock::Clock, sample::Sample};

/// How much later than a slice's bounds a picture may be that counts as shown there, in seconds.
const TOLERANCE_SECONDS: f64 = 0.001;

/// Finds the samples of slices.
#[derive(Debug)]
pub(super) struct Cutter<'a> {
    samples: &'a [Sample],
    clock: &'a Clock,
    /// For each sample, the earliest pts of it and those behind it. This ascends, which a pts in decoding order does
    /// not.
    earliest_pts: Vec<i64>,
    /// The indices of sync samples, and the same for these.
    syncs: Vec<usize>,
    earliest_sync_pts: Vec<i64>,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(samples: &'a [Sample], clock: &'a Clock) -> Self {
        let syncs = samples.iter().enumerate();
        let syncs = syncs.filter(|(_, sample)| sample.is_sync && sample.size > 0);
        let syncs: Vec<usize> = syncs.map(|(index, _)| index).collect();
        Self {
            samples,
            clock,
            earliest_pts: running_min(samples.iter().map(Sample::pts)),
            earliest_sync_pts: running_min(syncs.iter().map(|index| samples[*index].pts())),
            syncs,
        }
    }

    /// The samples that decode the pictures from one pts of the media to another.
    pub(super) fn decoding(&self, pts: Range<i64>) -> Option<Range<usize>> {
        let before = self
            .earliest_sync_pts
            .partition_point(|sync| *sync <= pts.start);
        let first = before.checked_sub(1).map_or(0, |last| self.syncs[last]);
        let end = self
            .earliest_pts
            .partition_point(|earliest| *earliest < pts.end);
        let range = first..end;
        (!range.is_empty()).then_some(range)
    }

    /// The samples that `slice` needs: from the last sync sample whose pts is at the slice's start or before, to the
    /// last sample whose pts is before its end, and the next one. That one says how long the last picture is shown,
    /// which FFmpeg would else guess where pictures are reordered. Leading pictures of the sync sample may need samples
    /// before it, but they are shown before it and thus before the slice.
    pub(super) fn samples(&self, slice: &Slice) -> Option<Range<usize>> {
        let start = f64::from(slice.start) + TOLERANCE_SECONDS;
        let start_pts = self.clock.media_pts(start);
        let end_pts = self.clock.media_pts(slice.end + TOLERANCE_SECONDS);

        let before = self
            .earliest_sync_pts
            .partition_point(|pts| *pts <= start_pts);
        let first = match before.checked_sub(1) {
            Some(last) => self.syncs[last],
            None if slice.start == 0 => 0,
            None => return None,
        };
        let visible_end = end_pts.min(self.clock.visible.end);
        let end = self.earliest_pts.partition_point(|pts| *pts < visible_end);
        let next = usize::from(end_pts <= self.clock.visible.end);
        let range = first..(end + next).min(self.samples.len());
        // FFmpeg would decode pictures behind the end of the edit, but not show them.
        let are_hidden = end_pts > self.clock.visible.end
            && self
                .samples
                .get(range.clone())?
                .iter()
                .any(|sample| (self.clock.visible.end..end_pts).contains(&sample.pts()));
        (!are_hidden && !range.is_empty()).then_some(range)
    }
}

/// For each value, the least of it and those behind it.
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

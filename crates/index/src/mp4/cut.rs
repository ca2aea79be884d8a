//! Which samples a slice needs.

use std::ops::Range;

use gifgen_shared::Slice;

use super::{
    clock::Clock,
    samples::{LatestSamples, Samples},
};

/// How much later than a slice's bounds a picture may be that counts as shown there, in seconds.
const TOLERANCE_SECONDS: f64 = 0.001;

/// Finds the samples of slices.
#[derive(Debug)]
pub(super) struct Cutter<'a> {
    samples: &'a Samples,
    clock: &'a Clock,
    latest: LatestSamples<'a>,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(samples: &'a Samples, clock: &'a Clock) -> Self {
        Self {
            samples,
            clock,
            latest: LatestSamples::new(samples),
        }
    }

    /// The samples that decode the pictures from one pts of the media to another.
    pub(super) fn decoding(&self, pts: Range<i64>) -> Option<Range<usize>> {
        let first = self.latest.keyframe_until(pts.start).unwrap_or(0);
        let range = first..self.end_before(pts.end);
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

        let first = match self.latest.keyframe_until(start_pts) {
            Some(keyframe) => keyframe,
            None if slice.start == 0 => 0,
            None => return None,
        };
        let visible_end = end_pts.min(self.clock.visible.end);
        let end = self.end_before(visible_end);
        let next = usize::from(end_pts <= self.clock.visible.end);
        let range = first..(end + next).min(self.samples.len());
        // FFmpeg would decode pictures behind the end of the edit, but not show them.
        let hidden = self.clock.visible.end..end_pts;
        let are_hidden = !hidden.is_empty()
            && (self.samples.range(range.clone()).iter())
                .any(|sample| hidden.contains(&sample.pts()));
        (!are_hidden && !range.is_empty()).then_some(range)
    }

    /// The index behind the last sample whose pts is before `pts`.
    fn end_before(&self, pts: i64) -> usize {
        self.latest.before(pts).map_or(0, |last| last + 1)
    }
}

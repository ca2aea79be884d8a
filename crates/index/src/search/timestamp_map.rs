//! What is known of where timestamps are in a source.

use std::ops::Range;

use crate::error::IndexError;

/// A byte offset at which a picture starts, and its timestamps in ticks of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Where the picture starts in the source.
    pub offset: u64,
    /// The picture's pts.
    pub pts: i64,
    /// No picture from here on has an earlier pts than this. It is the dts, where the container has that.
    pub earliest_pts: i64,
}

/// The known points of a source, ordered by offset.
#[derive(Debug)]
pub(crate) struct TimestampMap {
    points: Vec<Point>,
    /// Tolerance for a [`Point::earliest_pts`] that decreases, in ticks.
    slack: i64,
}

/// How closely to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SearchParams {
    /// What one probe reads, in bytes.
    pub(crate) probe_bytes: u64,
    /// A point at most this many ticks after the wanted pts is close enough.
    pub(crate) max_late: i64,
    /// A point at most this many bytes after a point before the wanted pts is close enough, too.
    pub(crate) max_gap: u64,
}

impl TimestampMap {
    /// An empty map.
    pub(crate) fn new(slack: i64) -> Self {
        let points = Vec::new();
        Self { points, slack }
    }

    /// Adds points.
    ///
    /// # Errors
    /// If timestamps run backwards: then they cannot be searched.
    pub(crate) fn add(&mut self, found: impl IntoIterator<Item = Point>) -> Result<(), IndexError> {
        self.points.extend(found);
        self.points.sort_unstable_by_key(|point| point.offset);
        self.points.dedup_by_key(|point| point.offset);
        let runs_backwards =
            |pair: &[Point]| pair[1].earliest_pts < pair[0].earliest_pts.saturating_sub(self.slack);
        if self.points.windows(2).any(runs_backwards) {
            return Err(IndexError::Backwards);
        }
        Ok(())
    }

    /// The last point whose pts is `pts` or earlier.
    pub(crate) fn before(&self, pts: i64) -> Option<Point> {
        let end = self
            .points
            .partition_point(|point| point.earliest_pts <= pts);
        let before = self.points[..end].iter().rev();
        before.copied().find(|point| point.pts <= pts)
    }

    /// The first point after which no picture has an earlier pts than `pts`.
    pub(crate) fn after(&self, pts: i64) -> Option<Point> {
        let after = self
            .points
            .partition_point(|point| point.earliest_pts < pts);
        self.points.get(after).copied()
    }

    /// Bytes per tick over the last `span` ticks before `pts`, or a little more. `None` if too little is known.
    pub(crate) fn byte_rate_before(&self, pts: i64, span: i64) -> Option<f64> {
        let (start, end) = (self.before(pts.saturating_sub(span))?, self.after(pts)?);
        let ticks = end.pts.saturating_sub(start.pts);
        let bytes = end.offset.checked_sub(start.offset)?;
        (ticks > 0).then(|| bytes as f64 / ticks as f64)
    }

    /// The known points, ordered by offset.
    pub(crate) fn points(&self) -> &[Point] {
        &self.points
    }

    /// The latest known pts.
    pub(crate) fn latest_pts(&self) -> Option<i64> {
        self.points.iter().map(|point| point.pts).max()
    }

    /// The next range to probe for `pts`, by interpolation; `None` if a close point is known. It reaches from the
    /// interpolated offset to the next known point. `first` and `last` are points before and after all others. The
    /// probe keeps `margin` bytes from known points.
    pub(super) fn interpolate(
        &self,
        pts: i64,
        (first, last): (Point, Point),
        params: SearchParams,
        margin: u64,
    ) -> Option<Range<u64>> {
        let low = self.before(pts).unwrap_or(first);
        let high = self.after(pts).unwrap_or(last);
        let gap = high.offset.checked_sub(low.offset)?;
        let late = high.earliest_pts.saturating_sub(pts);
        if gap <= params.max_gap || (late <= params.max_late && high != last) {
            return None;
        }
        let aim = pts.saturating_add(params.max_late / 2);
        let part = aim.saturating_sub(low.pts).max(0) as f64;
        let whole = high.earliest_pts.saturating_sub(low.pts).max(1) as f64;
        let offset = low.offset + (gap as f64 * (part / whole).min(1.0)) as u64;
        let margin = margin.min(gap / 2);
        let offset = offset.clamp(low.offset + margin, high.offset - margin);
        let offset = offset
            .saturating_sub(params.probe_bytes / 2)
            .max(low.offset);
        // Rounded, so that probes for neighbouring timestamps are one.
        Some(offset - offset % (params.probe_bytes / 2).max(1)..high.offset)
    }
}

//! What is known of where times are in a source. Searches for several tiles share it.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

/// Most points that are kept.
const MAX_POINTS: usize = 8192;

/// Pairs of a pts and an offset.
#[derive(Debug)]
pub(super) struct Hints {
    points: Mutex<BTreeMap<i64, u64>>,
    range: Range<u64>,
    /// Bytes in a tick, on the average.
    mean_rate: f64,
    /// How much earlier than at a slot a read should start, in ticks.
    lead: AtomicI64,
}

impl Hints {
    /// `points` of a source whose pictures are in `range`.
    pub(super) fn new(points: &[(i64, u64)], range: Range<u64>) -> Self {
        let rate = points.first().zip(points.last()).and_then(|(first, last)| {
            let ticks = last.0.checked_sub(first.0).filter(|ticks| *ticks > 0)?;
            Some(last.1.checked_sub(first.1)? as f64 / ticks as f64)
        });
        Self {
            points: Mutex::new(points.iter().copied().collect()),
            mean_rate: rate.unwrap_or(0.0),
            range,
            lead: AtomicI64::new(0),
        }
    }

    /// Remembers that a read must start so many ticks before its slot, lest it misses the only keyframe there.
    pub(super) fn need_lead(&self, ticks: i64) {
        self.lead.fetch_max(ticks, Relaxed);
    }

    /// How many ticks before its slot a read must start. If that is not known to matter, 0.
    pub(super) fn lead(&self) -> i64 {
        self.lead.load(Relaxed)
    }

    /// Adds points.
    pub(super) fn add(&self, found: impl IntoIterator<Item = (i64, u64)>) {
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        if points.len() < MAX_POINTS {
            points.extend(found);
        }
    }

    /// About where `pts` is, and how many bytes a tick takes there.
    pub(super) fn around(&self, pts: i64) -> (u64, f64) {
        let points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        let low = points.range(..=pts).next_back();
        let high = points.range(pts.saturating_add(1)..).next();
        let (offset, rate) = match (low, high) {
            (Some(low), Some(high)) => {
                let ticks = high.0.saturating_sub(*low.0).max(1) as f64;
                let rate = high.1.saturating_sub(*low.1) as f64 / ticks;
                let passed = pts.saturating_sub(*low.0) as f64;
                (low.1.saturating_add((rate * passed) as u64), rate)
            }
            (Some(low), None) => {
                let passed = pts.saturating_sub(*low.0) as f64;
                let offset = low.1.saturating_add((self.mean_rate * passed) as u64);
                (offset, self.mean_rate)
            }
            (None, _) => (self.range.start, self.mean_rate),
        };
        let offset = offset.clamp(self.range.start, self.range.end);
        // A rate between two near points may be that of one picture.
        (
            offset,
            rate.clamp(self.mean_rate / 4.0, self.mean_rate * 4.0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_between_two_points_is_at_a_place_between_them() {
        let hints = Hints::new(&[(0, 100), (100, 1100)], 100..1100);
        assert_eq!(hints.around(50).0, 600);
        hints.add([(50, 800)]);
        assert_eq!((hints.around(25).0, hints.around(75).0), (450, 950));
        assert_eq!((hints.around(-5).0, hints.around(500).0), (100, 1100));
    }
}

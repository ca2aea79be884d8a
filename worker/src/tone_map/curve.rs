//! The EETF of ITU-R BT.2390: from the range of one display to that of a darker one.

use std::ops::Range;

use super::transfer::{pq_eotf, pq_inverse};

/// The knee is at `KNEE × white − (KNEE − 1)`. The report proposes 1.5; with 2 more of the picture
/// stays as it is, and highlights roll off less abruptly.
const KNEE: f64 = 2.0;

/// How fast the lift of black ends.
const LIFT_POWER: i32 = 4;

/// Maps light in cd/m².
pub(super) struct Eetf {
    /// The range of the source in cd/m².
    source: Range<f64>,
    /// The same in PQ.
    from: Range<f64>,
    /// Black and white of the target, as parts of `from`.
    black: f64,
    white: f64,
    knee: f64,
}

impl Eetf {
    /// The curve from the range of one display to that of another, in cd/m².
    pub(super) fn new(source: Range<f64>, target: Range<f64>) -> Self {
        let from = pq_inverse(source.start)..pq_inverse(source.end);
        let part = |light| (pq_inverse(light) - from.start) / (from.end - from.start);
        let white = part(target.end);
        Self {
            black: part(target.start),
            white,
            knee: KNEE * white - (KNEE - 1.0),
            source,
            from,
        }
    }

    /// Maps `light`.
    pub(super) fn apply(&self, light: f64) -> f64 {
        let light = light.clamp(self.source.start, self.source.end);
        let width = self.from.end - self.from.start;
        let part = (pq_inverse(light) - self.from.start) / width;
        pq_eotf(self.lifted(self.rolled_off(part)) * width + self.from.start)
    }

    /// A Hermite spline from the knee to white.
    fn rolled_off(&self, part: f64) -> f64 {
        if part <= self.knee || self.knee >= 1.0 {
            return part;
        }
        let t = (part - self.knee) / (1.0 - self.knee);
        let (t2, t3) = (t * t, t * t * t);
        (2.0 * t3 - 3.0 * t2 + 1.0) * self.knee
            + (t3 - 2.0 * t2 + t) * (1.0 - self.knee)
            + (3.0 * t2 - 2.0 * t3) * self.white
    }

    /// Lifts black to the target's, and keeps white where it is.
    fn lifted(&self, part: f64) -> f64 {
        let lift = |part: f64| self.black * (1.0 - part).max(0.0).powi(LIFT_POWER);
        let whole = self.white - self.black;
        let gain = whole / (whole + lift(self.white));
        (part + lift(part) - self.black) * gain + self.black
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_and_peak_become_black_and_white_and_nothing_goes_back() {
        for peak in [300.0, 1000.0, 4000.0, 10_000.0] {
            let eetf = Eetf::new(0.005..peak, 0.203..203.0);
            assert!((eetf.apply(0.0) - 0.203).abs() < 1e-3, "{peak}");
            assert!((eetf.apply(peak) - 203.0).abs() < 1e-3, "{peak}");
            let steps = (0..=1000).map(|step| eetf.apply(pq_eotf(f64::from(step) / 1000.0)));
            let mapped: Vec<f64> = steps.collect();
            assert!(mapped.is_sorted(), "{peak}");
        }
    }

    #[test]
    fn a_source_that_is_no_brighter_keeps_its_brightness() {
        let eetf = Eetf::new(0.203..203.0, 0.203..203.0);
        for light in [1.0, 20.0, 100.0, 203.0] {
            assert!((eetf.apply(light) - light).abs() < 1e-6, "{light}");
        }
    }
}

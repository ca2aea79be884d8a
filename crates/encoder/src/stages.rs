//! Time per stage.

use std::time::{Duration, Instant};

/// Wall time of each stage. The encoder has one thread, so with a core of its own this is CPU time;
/// where FFmpeg shares that core, it is more. Writing pictures is in no stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Finding unchanged pixels and counting colours.
    pub stabilize: Duration,
    /// Computing palettes.
    pub palette: Duration,
    /// Choosing palette entries, with dithering.
    pub choose: Duration,
    /// LZW compression.
    pub compress: Duration,
}

impl Stages {
    /// Sum of all stages.
    pub fn total(&self) -> Duration {
        self.stabilize + self.palette + self.choose + self.compress
    }
}

/// Adds the duration of `work` to `stage`.
pub(crate) fn timed<T>(stage: &mut Duration, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = work();
    *stage += started.elapsed();
    done
}

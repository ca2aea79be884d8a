//! Where the time goes.

use std::time::{Duration, Instant};

/// How long each stage of the encoding took, by the clock. One thread does all, so with a core of
/// its own this is CPU time; where FFmpeg shares that core, it is more. Writing the
/// pictures is in no stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Finding what is still, and counting colours.
    pub stabilize: Duration,
    /// Making palettes.
    pub palette: Duration,
    /// Choosing palette entries for pixels, dithering among it.
    pub choose: Duration,
    /// Compressing.
    pub compress: Duration,
}

impl Stages {
    /// All stages together.
    pub fn total(&self) -> Duration {
        self.stabilize + self.palette + self.choose + self.compress
    }
}

/// Adds the time that `work` takes to `stage`.
pub(crate) fn timed<T>(stage: &mut Duration, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = work();
    *stage += started.elapsed();
    done
}

//! How events and processes are treated.

use std::time::Duration;

use fastrand::Rng;

/// How events and processes are treated. [`default`](Self::default) is fair weather.
///
/// The nth event throws dice that hang on `seed` and n alone: whether it comes twice, how late,
/// its request ids, its rank among those that wait, and when which of its invocations would be
/// killed. What the clock decides is not in the seed's hands: what waits when a process is free,
/// who gets the last of `most_kills`, and how far an invocation has come when it is killed.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Seed of all randomness.
    pub seed: u64,
    /// How many processes there are at once.
    pub concurrency: usize,
    /// How long an invocation may take. Its process is killed then.
    pub timeout: Duration,
    /// How late an event comes at most.
    pub delay: Duration,
    /// Whether an event may overtake others that wait.
    pub reorder: bool,
    /// Whether a process stands still between its invocations, as Lambda freezes its environments:
    /// no timer of it runs, and it does not notice what becomes of its connections.
    pub freeze: bool,
    /// The share of events that come twice, from 0 to 1; the second up to `delay` after the first.
    pub duplicate: f64,
    /// The share of invocations whose process is killed, from 0 to 1.
    pub kill: f64,
    /// How long after its process took it an invocation is killed at most. One that is answered
    /// before its moment escapes.
    pub kill_within: Duration,
    /// How often that happens at most.
    pub most_kills: usize,
    /// How often a failed invocation is tried again before it goes to the on-failure destination.
    pub retries: usize,
    /// How long after a failure.
    pub retry_pause: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            seed: 0,
            concurrency: 2,
            timeout: Duration::from_secs(60),
            delay: Duration::ZERO,
            reorder: false,
            freeze: false,
            duplicate: 0.0,
            kill: 0.0,
            kill_within: Duration::ZERO,
            most_kills: usize::MAX,
            // Lambda's own default, and its most.
            retries: 2,
            retry_pause: Duration::from_millis(50),
        }
    }
}

impl Policy {
    /// How late the next delivery comes.
    pub(super) fn delay(&self, dice: &mut Rng) -> Duration {
        self.delay.mul_f64(dice.f64())
    }

    /// Whether an event comes twice.
    pub(super) fn duplicates(&self, dice: &mut Rng) -> bool {
        dice.f64() < self.duplicate
    }

    /// When an invocation would be killed. The dice are thrown equally often for each.
    pub(super) fn kill_after(&self, dice: &mut Rng) -> Option<Duration> {
        let (chance, moment) = (dice.f64(), dice.f64());
        (chance < self.kill).then(|| self.kill_within.mul_f64(moment))
    }
}

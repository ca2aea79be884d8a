//! How events and processes are treated.

use std::time::Duration;

use fastrand::Rng;

/// How events and processes are treated. By [`default`](Self::default), nothing goes wrong.
///
/// The random numbers of the nth event depend on `seed` and n only. They decide whether it is
/// duplicated, its delay, its request ids, its rank among waiting events, and when each of its
/// invocations would be killed. Timing is not reproducible: which events wait when a process
/// becomes free, which invocation gets the last of `most_kills`, and how far an invocation has come
/// when it is killed.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Seed of all randomness.
    pub seed: u64,
    /// Number of concurrent processes.
    pub concurrency: usize,
    /// Time limit of an invocation. At the limit its process is killed.
    pub timeout: Duration,
    /// Longest delay of an event.
    pub delay: Duration,
    /// Whether an event may overtake waiting ones.
    pub reorder: bool,
    /// Whether a process is stopped between invocations, as Lambda freezes its environments: its
    /// timers do not run, and it does not notice closed connections.
    pub freeze: bool,
    /// Share of events that are delivered twice, from 0 to 1, inclusive; the second time up to
    /// `delay` after the first.
    pub duplicate: f64,
    /// Share of invocations whose process is killed, from 0 to 1, inclusive.
    pub kill: f64,
    /// Latest time of the kill after the process took the invocation. An invocation that is
    /// answered earlier is not killed.
    pub kill_within: Duration,
    /// Most kills.
    pub most_kills: usize,
    /// Retries of a failed invocation before it goes to the on-failure destination.
    pub retries: usize,
    /// Pause before a retry.
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
            // Lambda's default and maximum.
            retries: 2,
            retry_pause: Duration::from_millis(50),
        }
    }
}

impl Policy {
    /// The delay of the next delivery.
    pub(super) fn delay(&self, dice: &mut Rng) -> Duration {
        self.delay.mul_f64(dice.f64())
    }

    pub(super) fn duplicates(&self, dice: &mut Rng) -> bool {
        dice.f64() < self.duplicate
    }

    /// When an invocation would be killed. Always draws the same number of random numbers.
    pub(super) fn kill_after(&self, dice: &mut Rng) -> Option<Duration> {
        let (chance, moment) = (dice.f64(), dice.f64());
        (chance < self.kill).then(|| self.kill_within.mul_f64(moment))
    }
}

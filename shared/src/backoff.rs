//! One retry rule for everything that goes over the network: S3, the bus and the reader.
//!
//! Pauses have *full jitter*: each is drawn evenly between zero and a bound that doubles with every
//! failure. So the workers of a film that were throttled together do not come back together.
//! <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>

use std::time::Duration;

use crate::deadline::Deadline;

/// How often a request is sent, and how long the pauses between the attempts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Most attempts, the first one included.
    pub attempts: u32,
    /// Bound of the first pause. It doubles with every further failure.
    pub first: Duration,
    /// Largest bound of a pause.
    pub longest: Duration,
}

/// How long one attempt may take to be answered, where the deadline leaves more.
pub const LONGEST_ATTEMPT: Duration = Duration::from_secs(15);

/// Shortest time that an attempt gets, however near the deadline is.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// The share of the time left that one attempt may take: an unanswered request leaves time for another
/// two.
const SHARE_OF_THE_REST: u32 = 3;

/// Slowest upload that is not taken for a stalled one, in bytes a second.
const SLOWEST_UPLOAD: u64 = 1024 * 1024;

impl Backoff {
    /// For requests that are cheap to begin anew: 8.1 s of pauses on average, 16.2 s at most.
    pub const USUAL: Self = Self {
        attempts: 8,
        first: Duration::from_millis(200),
        longest: Duration::from_secs(5),
    };

    /// Where giving up throws work away: rendered files, or the events of a run that has begun. 48 s of
    /// pauses on average, less where the deadline of the invocation is nearer. S3 takes 3,500
    /// writes a second and prefix; a film whose 360 slices end within 2 s goes beyond that for seconds.
    pub const PERSISTENT: Self = Self {
        attempts: 24,
        ..Self::USUAL
    };

    /// The pause after so many `failures` in a row, for a `random` number in `[0, 1)`; `None` if it is
    /// time to give up, because the attempts are used up or the pause would outlast the `left` time.
    pub fn pause(self, failures: u32, left: Option<Duration>, random: f64) -> Option<Duration> {
        if failures >= self.attempts {
            return None;
        }
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let bound = self.first.saturating_mul(doubled).min(self.longest);
        let pause = bound.mul_f64(random);
        left.is_none_or(|left| pause < left).then_some(pause)
    }

    /// The same with a random number of its own, and the time that is left until `deadline`.
    pub fn next_pause(self, failures: u32, deadline: Option<Deadline>) -> Option<Duration> {
        self.pause(failures, deadline.map(Deadline::left), fastrand::f64())
    }
}

/// How long an attempt that uploads `bytes` bytes may take when this much time is `left`; `None` means
/// no deadline.
pub fn attempt_timeout(left: Option<Duration>, bytes: u64) -> Duration {
    let share = left.map_or(LONGEST_ATTEMPT, |left| {
        (left / SHARE_OF_THE_REST).clamp(SHORTEST_ATTEMPT, LONGEST_ATTEMPT)
    });
    share + Duration::from_secs(bytes / SLOWEST_UPLOAD)
}

#[cfg(test)]
mod tests;

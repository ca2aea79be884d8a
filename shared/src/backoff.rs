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

/// Shortest time that an attempt gets, however near the deadline is: a receipt that is written at the last
/// moment counts.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// The share of the time left that one attempt may take: an unanswered request leaves time for another
/// two.
const SHARE_OF_THE_REST: u32 = 3;

/// What is kept of the time left, so that an attempt ends before the deadline ends the work: its error says
/// more.
const TIME_TO_TELL: Duration = Duration::from_millis(100);

/// Least time that must be left after a failure for another attempt. Half of it may be a pause; the rest is
/// enough for the shortest attempt.
const LEAST_FOR_ANOTHER: Duration = Duration::from_millis(2500);

/// Slowest upload that is not taken for a stalled one, in bytes a second.
const SLOWEST_UPLOAD: u64 = 1024 * 1024;

impl Backoff {
    /// For requests that are cheap to begin anew: 8.1 s of pauses on average, 16.2 s at most.
    pub const USUAL: Self = Self {
        attempts: 8,
        first: Duration::from_millis(200),
        longest: Duration::from_secs(5),
    };

    /// Where giving up throws work away (rendered files, or the events of a run that has begun), and there
    /// is no deadline: 48 s of pauses on average. S3 takes 3,500 writes a second and prefix; a film whose
    /// 360 slices end within 2 s goes beyond that for seconds.
    pub const PERSISTENT: Self = Self {
        attempts: 24,
        ..Self::USUAL
    };

    /// The same where there is a deadline, which ends the attempts: at 2.5 s of pause on average, more of
    /// them than the 15 minutes of a Lambda function have room for. The SDK goes through all of them to sum
    /// up their pauses, so there must be an end.
    pub const UNTIL_THE_DEADLINE: Self = Self {
        attempts: 1000,
        ..Self::USUAL
    };

    /// The rule for what this runs in: [`Self::UNTIL_THE_DEADLINE`] in [`Deadline::persist`], else
    /// [`Self::USUAL`].
    pub fn governing() -> Self {
        if Deadline::is_persisted() {
            Self::UNTIL_THE_DEADLINE
        } else {
            Self::USUAL
        }
    }

    /// This rule when so much time is `left` until the deadline: no pause takes more than half of it.
    /// `None` if that is too little for another attempt.
    pub fn within(self, left: Duration) -> Option<Self> {
        (left >= LEAST_FOR_ANOTHER).then(|| Self {
            longest: self.longest.min(left / 2),
            ..self
        })
    }

    /// The longest that the pause after so many `failures` in a row may be.
    pub fn bound(self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.first.saturating_mul(doubled).min(self.longest)
    }

    /// The pause after so many `failures` in a row, for a `random` number in `[0, 1)`; `None` if it is
    /// time to give up, because the attempts are used up or too little time is `left`.
    pub fn pause(self, failures: u32, left: Option<Duration>, random: f64) -> Option<Duration> {
        let rule = left.map_or(Some(self), |left| self.within(left))?;
        (failures < rule.attempts).then(|| rule.bound(failures).mul_f64(random))
    }
}

/// Counts the failures in a row of one piece of work, and says when to try again.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    rule: Backoff,
    deadline: Option<Deadline>,
    failures: u32,
}

impl Retries {
    /// No failure yet. Attempts end by `rule`, and before `deadline` if there is one.
    pub fn new(rule: Backoff, deadline: Option<Deadline>) -> Self {
        Self {
            rule,
            deadline,
            failures: 0,
        }
    }

    /// By the rule and the deadline of what this runs in.
    pub fn governing() -> Self {
        Self::new(Backoff::governing(), Deadline::governing())
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure, and gives the pause before the next attempt; `None` if it is time to give up.
    pub fn failed(&mut self) -> Option<Duration> {
        self.failures += 1;
        let left = self.deadline.map(Deadline::left);
        self.rule.pause(self.failures, left, fastrand::f64())
    }

    /// Forgets the failures, because there was progress.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// How long an attempt that uploads `bytes` bytes may take when this much time is `left`; `None` means
/// no deadline. It ends before the deadline, unless less than a second is left.
pub fn attempt_timeout(left: Option<Duration>, bytes: u64) -> Duration {
    let upload = Duration::from_secs(bytes / SLOWEST_UPLOAD);
    let Some(left) = left else {
        return LONGEST_ATTEMPT + upload;
    };
    let share = (left / SHARE_OF_THE_REST).clamp(SHORTEST_ATTEMPT, LONGEST_ATTEMPT);
    let most = left.saturating_sub(TIME_TO_TELL).max(SHORTEST_ATTEMPT);
    (share + upload).min(most)
}

#[cfg(test)]
mod tests;

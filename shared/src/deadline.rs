//! The moment by which an invocation must be over.

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{task_local, time::Instant};

task_local! {
    static GOVERNING: Governing;
}

/// What the clients of AWS are told.
#[derive(Clone, Copy, Debug)]
struct Governing {
    deadline: Deadline,
    persists: bool,
}

/// The moment by which the work must have ended, seen from inside the work: the platform's own
/// deadline less the time it takes to clean up and answer.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    instant: Instant,
    patience: Duration,
}

impl Deadline {
    /// What is kept back of Lambda's time. At the deadline FFmpeg may still take two seconds of
    /// grace and be waited for as its output ends, half a second; meanwhile, or on its own, the GIF
    /// encoder may be amid the 64 MiB of pictures that it writes at once, a second or so of a whole
    /// core. The removal of the work directory and the answer take the rest.
    const MARGIN: Duration = Duration::from_secs(5);

    /// How long after the deadline work may take to end by itself: more than a stuck FFmpeg takes to be
    /// killed and waited for, 2.5 s.
    const PATIENCE: Duration = Duration::from_secs(3);

    /// The deadline of a Lambda invocation, from its context's milliseconds since the Unix
    /// epoch, less a margin of five seconds, or of half the remaining time where that is less.
    pub fn of_invocation(deadline_ms: u64) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let left = Duration::from_millis(deadline_ms).saturating_sub(now);
        let margin = Self::MARGIN.min(left / 2);
        Self {
            patience: Self::PATIENCE.min(margin.mul_f64(0.6)),
            ..Self::after(left - margin)
        }
    }

    /// The deadline that lies `left` in the future.
    pub fn after(left: Duration) -> Self {
        Self {
            instant: Instant::now() + left,
            patience: Self::PATIENCE,
        }
    }

    /// This deadline, or the one that lies `longest` in the future if that is sooner.
    pub fn within(self, longest: Duration) -> Self {
        Self {
            instant: self.instant.min(Instant::now() + longest),
            ..self
        }
    }

    /// The deadline as an instant of Tokio's clock.
    pub fn instant(self) -> Instant {
        self.instant
    }

    /// Runs `work` so that [`Deadline::governing`] is this deadline within it. Clients of AWS, which
    /// live as long as the process, derive their timeouts from it: they have no parameter for it. Tasks
    /// that `work` spawns do not inherit it.
    pub fn govern<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        let governing = Governing {
            deadline: self,
            persists: false,
        };
        GOVERNING.scope(governing, work)
    }

    /// The same for `work` whose failure throws more work away: each of its requests is sent until the
    /// deadline.
    pub fn persist<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        let governing = Governing {
            deadline: self,
            persists: true,
        };
        GOVERNING.scope(governing, work)
    }

    /// The deadline of the invocation that this runs in, if there is one.
    pub fn governing() -> Option<Self> {
        GOVERNING.try_get().ok().map(|governing| governing.deadline)
    }

    /// Whether this runs in [`Deadline::persist`].
    pub(crate) fn is_persisted() -> bool {
        GOVERNING
            .try_get()
            .is_ok_and(|governing| governing.persists)
    }

    /// When work is dropped that has not ended by itself, such as an upload that is not answered.
    pub fn end(self) -> Instant {
        self.instant + self.patience
    }

    /// The time that is left, zero when it has passed.
    pub fn left(self) -> Duration {
        self.instant.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_seconds(seconds: u64) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from((now + Duration::from_secs(seconds)).as_millis()).unwrap()
    }

    #[test]
    fn a_long_invocation_keeps_five_seconds_back() {
        let left = Deadline::of_invocation(in_seconds(60)).left();
        assert!(left > Duration::from_secs(54) && left <= Duration::from_secs(55));
    }

    #[test]
    fn a_short_invocation_keeps_half_its_time_back() {
        let left = Deadline::of_invocation(in_seconds(4)).left();
        assert!(left > Duration::from_secs(1) && left <= Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_deadline_governs_its_own_work_only() {
        assert!(Deadline::governing().is_none());
        let deadline = Deadline::after(Duration::from_secs(60));
        let seen = deadline.govern(async { Deadline::governing() }).await;
        assert_eq!(seen.map(Deadline::instant), Some(deadline.instant()));
        let persisted = async || Deadline::is_persisted();
        assert!(!persisted().await && !deadline.govern(persisted()).await);
        assert!(deadline.govern(deadline.persist(persisted())).await);
        assert!(Deadline::governing().is_none());
    }

    #[test]
    fn a_deadline_in_the_past_leaves_no_time() {
        assert_eq!(Deadline::of_invocation(1_000).left(), Duration::ZERO);
    }
}

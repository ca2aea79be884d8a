//! The deadline of an invocation.

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{task_local, time::Instant};

task_local! {
    static GOVERNING: Governing;
}

/// What the AWS clients read inside of [`Deadline::govern`].
#[derive(Clone, Copy, Debug)]
struct Governing {
    deadline: Deadline,
    persists: bool,
}

/// The time by which the work must have ended: the platform's deadline minus the time for clean-up and
/// answer.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    instant: Instant,
    grace: Duration,
}

impl Deadline {
    /// Time kept back from Lambda's deadline. At our deadline FFmpeg may still use its grace period of 2
    /// s, and 0.5 s until its output ends. The GIF encoder may be writing 64 MiB of pictures at once,
    /// which takes about 1 s of a whole core. The rest is for removing the work directory and for the
    /// answer.
    const MARGIN: Duration = Duration::from_secs(5);

    /// Time that work gets after the deadline to end by itself. It exceeds the 2.5 s that killing a
    /// stuck FFmpeg takes.
    const GRACE: Duration = Duration::from_secs(3);

    /// Converts the deadline of a Lambda invocation, in milliseconds since the Unix epoch. It keeps back
    /// five seconds, or half of the remaining time if that is less.
    pub fn of_invocation(deadline_ms: u64) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let left = Duration::from_millis(deadline_ms).saturating_sub(now);
        let margin = Self::MARGIN.min(left / 2);
        Self {
            grace: Self::GRACE.min(margin.mul_f64(0.6)),
            ..Self::after(left - margin)
        }
    }

    /// The deadline `left` from now.
    pub fn after(left: Duration) -> Self {
        Self {
            instant: Instant::now() + left,
            grace: Self::GRACE,
        }
    }

    /// The sooner of this deadline and `longest` from now.
    pub fn within(self, longest: Duration) -> Self {
        Self {
            instant: self.instant.min(Instant::now() + longest),
            ..self
        }
    }

    /// Converts the deadline for Tokio's timers.
    pub fn instant(self) -> Instant {
        self.instant
    }

    /// Runs `work` with this deadline as [`Deadline::governing`]. The AWS clients derive their timeouts
    /// from it: they live as long as the process, so they have no parameter for it. Tasks that `work`
    /// spawns do not inherit it.
    pub fn govern<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        let governing = Governing {
            deadline: self,
            persists: false,
        };
        GOVERNING.scope(governing, work)
    }

    /// Like [`Deadline::govern`], for work whose failure would waste earlier work: each request is
    /// retried until the deadline.
    pub fn persist<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        let governing = Governing {
            deadline: self,
            persists: true,
        };
        GOVERNING.scope(governing, work)
    }

    /// The deadline that [`Deadline::govern`] or [`Deadline::persist`] set for the calling task, if any.
    pub fn governing() -> Option<Self> {
        GOVERNING.try_get().ok().map(|governing| governing.deadline)
    }

    /// Whether the calling task runs in [`Deadline::persist`].
    pub(crate) fn is_persisted() -> bool {
        GOVERNING
            .try_get()
            .is_ok_and(|governing| governing.persists)
    }

    /// When work that did not end by itself is dropped, such as an unanswered upload.
    pub fn end(self) -> Instant {
        self.instant + self.grace
    }

    /// Time until the deadline; zero once it has passed.
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

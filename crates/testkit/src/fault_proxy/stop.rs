//! Stops all traffic after a number of requests, as if the sender had died.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Lets a number of requests pass. All proxies with a clone share the count.
#[derive(Clone, Debug)]
pub struct Stop {
    seen: Arc<AtomicUsize>,
    through: Arc<AtomicUsize>,
    last_unanswered: bool,
}

/// What happens to a request.
pub(super) enum Step {
    Through,
    /// Upstream handles it, but the answer is not delivered.
    LastUnanswered,
    Stopped,
}

impl Stop {
    /// Lets the first `through` requests pass. If `last_unanswered`, the last of them gets no
    /// answer.
    pub fn after(through: usize, last_unanswered: bool) -> Self {
        Self {
            seen: Arc::default(),
            through: Arc::new(AtomicUsize::new(through)),
            last_unanswered,
        }
    }

    /// From now on, every request passes.
    pub fn revive(&self) {
        self.through.store(usize::MAX, Ordering::SeqCst);
    }

    /// Number of requests so far.
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    pub(super) fn next(&self) -> Step {
        let seen = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let through = self.through.load(Ordering::SeqCst);
        match seen.cmp(&through) {
            std::cmp::Ordering::Less => Step::Through,
            std::cmp::Ordering::Equal if self.last_unanswered => Step::LastUnanswered,
            std::cmp::Ordering::Equal => Step::Through,
            std::cmp::Ordering::Greater => Step::Stopped,
        }
    }
}

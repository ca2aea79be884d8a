//! The end of all requests after so many, as if their sender had died.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Lets so many requests through, by all proxies that have a clone of it, and none after them.
#[derive(Clone, Debug)]
pub struct Stop {
    seen: Arc<AtomicUsize>,
    through: Arc<AtomicUsize>,
    last_unanswered: bool,
}

/// What becomes of a request.
pub(super) enum Step {
    Through,
    /// Upstream handles it, and nobody hears of it.
    LastUnanswered,
    Stopped,
}

impl Stop {
    /// Lets the first `through` requests through; the last of them gets no answer if that is
    /// wanted.
    pub fn after(through: usize, last_unanswered: bool) -> Self {
        Self {
            seen: Arc::default(),
            through: Arc::new(AtomicUsize::new(through)),
            last_unanswered,
        }
    }

    /// From now on all goes through.
    pub fn revive(&self) {
        self.through.store(usize::MAX, Ordering::SeqCst);
    }

    /// How many requests came so far.
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

//! The process group of a child: what is signalled, and what dies with its caller.

use rustix::process::{Pid, Signal};
use tokio::process::Child;

/// The process group of a child, killed when this is dropped while armed.
pub(super) struct Group(Option<Pid>);

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Self(leader)
    }

    /// Sends `signal` to all in the group. That none are left is what is wanted, not an error.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            rustix::process::kill_process_group(leader, signal).ok();
        }
    }

    /// Leaves the group alone from now on: once its leader is waited for and nobody else is in it,
    /// the system may give its number to others.
    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

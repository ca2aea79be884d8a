//! The process group of a child: all its processes are signalled together, and die with the caller.

use rustix::process::{Pid, Signal};
use tokio::process::Child;

/// Kills the process group when dropped while armed.
pub(super) struct Group(Option<Pid>);

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Self(leader)
    }

    /// Sends `signal` to every process of the group. It is no error if none is left.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            rustix::process::kill_process_group(leader, signal).ok();
        }
    }

    /// Stops killing on drop. When the group's leader has been waited for and the group is empty,
    /// the system may reuse its number.
    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

//! How a program ended, and what caused it.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use rustix::process::Signal;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Exited(i32),
    /// A signal from elsewhere killed it, such as the kernel's when memory runs out.
    Killed {
        /// Signal number.
        signal: i32,
    },
    /// The runner ended it at the deadline.
    DeadlinePassed,
}

impl Ending {
    /// Whether the program caused its end: neither the deadline nor a signal that others use to end
    /// programs.
    pub fn is_its_own(self) -> bool {
        match self {
            Self::Exited(_) => true,
            Self::Killed { signal } => ![Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP]
                .iter()
                .any(|outside| outside.as_raw() == signal),
            Self::DeadlinePassed => false,
        }
    }

    pub(super) fn of(status: ExitStatus, ended_by_us: bool) -> Self {
        match (status.code(), status.signal()) {
            _ if ended_by_us => Self::DeadlinePassed,
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Killed {
                signal: signal.unwrap_or_default(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ended_from_outside_has_not_ended_by_itself() {
        assert!(Ending::Exited(0).is_its_own());
        assert!(
            Ending::Killed {
                signal: libc::SIGSEGV
            }
            .is_its_own()
        );
        assert!(
            !Ending::Killed {
                signal: libc::SIGKILL
            }
            .is_its_own()
        );
        assert!(!Ending::DeadlinePassed.is_its_own());
    }
}

//! Errors, with remedies.

use std::io;

/// A program cannot run under Lambda's rules.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed.
    #[error("failed to {action}: {reason}")]
    System {
        /// The failed action.
        action: String,
        /// The system's error.
        reason: io::Error,
    },
    /// This user may not create namespaces.
    #[error(
        "this user may not {action} ({reason}): run it as root with CAP_SYS_ADMIN, or let users have \
         namespaces: sysctl kernel.unprivileged_userns_clone=1 on Debian, \
         sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, a user.max_user_namespaces \
         above 0; in Docker, run the container with --privileged"
    )]
    Namespaces {
        /// The failed action.
        action: String,
        /// The system's error.
        reason: io::Error,
    },
    /// The processor is not supported.
    #[error("failed to make the filter of system calls: {0}")]
    Filter(seccompiler::BackendError),
    /// The call is not in the table.
    #[error("{0:?} is not in the table of refused calls (`gifgen-sandbox refused` prints it)")]
    UnknownCall(String),
    /// This number of calls had another result than the table says.
    #[error(
        "{0} calls are not answered as the table has it: run this by `gifgen-sandbox function`"
    )]
    NotAsInTable(usize),
}

/// Adds the failed action to an error.
pub(crate) trait While<T> {
    /// `action` must fit "failed to …".
    fn when(self, action: impl Into<String>) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> While<T> for Result<T, E> {
    fn when(self, action: impl Into<String>) -> Result<T, Error> {
        self.map_err(|reason| Error::System {
            action: action.into(),
            reason: reason.into(),
        })
    }
}

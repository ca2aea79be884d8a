//! What goes wrong, and what to do about it.

use std::io;

/// Why a program does not run under Lambda's rules.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed.
    #[error("failed to {action}: {reason}")]
    System {
        /// What was being done.
        action: String,
        /// What came back.
        reason: io::Error,
    },
    /// The system lets this user have no namespaces.
    #[error(
        "this user may not {action} ({reason}): run it as root with CAP_SYS_ADMIN, or let users have \
         namespaces: sysctl kernel.unprivileged_userns_clone=1 on Debian, \
         sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, a user.max_user_namespaces \
         above 0; in Docker, run the container with --privileged"
    )]
    Namespaces {
        /// What was being done.
        action: String,
        /// What came back.
        reason: io::Error,
    },
    /// The filter cannot be made for this processor.
    #[error("failed to make the filter of system calls: {0}")]
    Filter(seccompiler::BackendError),
    /// A name that is not in the table.
    #[error("{0:?} is not in the table of refused calls (`gifgen-sandbox refused` prints it)")]
    UnknownCall(String),
    /// So many calls were answered in another way.
    #[error(
        "{0} calls are not answered as the table has it: run this by `gifgen-sandbox function`"
    )]
    NotAsInTable(usize),
}

/// Says what was being done when `result` is an error.
pub(crate) trait While<T> {
    /// With a text that fits "failed to …".
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

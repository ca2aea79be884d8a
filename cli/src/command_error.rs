//! Why a command failed.

use crate::{remote::RemoteError, replay::ReplayError, run::RunError};

/// The error of any command.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum CommandError {
    /// Of `run`.
    Run(#[from] RunError),
    /// Of `replay`.
    Replay(#[from] ReplayError),
    /// Of `status` and `redrive`.
    Remote(#[from] RemoteError),
}

impl CommandError {
    /// The exit code of the program: 2 for wrong usage, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Run(error) => error.exit_code(),
            Self::Replay(error) => error.exit_code(),
            Self::Remote(error) => error.exit_code(),
        }
    }
}

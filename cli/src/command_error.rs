//! The error of a command, with its exit code.

use crate::{remote::RemoteError, replay::ReplayError, run::RunError, tracks::TracksError};

/// The error of any command, printed as the message of the inner one.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum CommandError {
    /// `gifgen run` failed.
    Run(#[from] RunError),
    /// `gifgen replay` failed.
    Replay(#[from] ReplayError),
    /// `gifgen status` or `gifgen redrive` failed.
    Remote(#[from] RemoteError),
    /// `gifgen export` failed.
    Tracks(#[from] TracksError),
}

impl CommandError {
    /// Exit code of the program: 2 for wrong usage, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Run(error) => error.exit_code(),
            Self::Replay(error) => error.exit_code(),
            Self::Remote(error) => error.exit_code(),
            Self::Tracks(error) => error.exit_code(),
        }
    }
}

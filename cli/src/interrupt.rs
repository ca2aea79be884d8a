//! Signals that end the program: Ctrl-C, SIGTERM and a closed terminal. The first one exports what is
//! done and exits. A second one exits without exporting.

use std::path::PathBuf;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::output::tell;

/// Exit code of a program that Ctrl-C ended, by the convention of shells.
const INTERRUPTED: i32 = 130;

/// Waits for SIGINT (Ctrl-C), SIGTERM (service managers) or SIGHUP (a closed terminal).
#[derive(Debug)]
pub struct Interrupt {
    keyboard: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupt {
    /// Installs the signal handlers.
    ///
    /// # Errors
    /// If the system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            keyboard: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns at the next signal.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.keyboard.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }

    /// Makes the next signal remove `folder` and end the process at once. The kernel then also ends
    /// FFmpeg.
    pub fn exit_at_next(mut self, folder: PathBuf) {
        tokio::spawn(async move {
            self.wait().await;
            if let Err(error) = std::fs::remove_dir_all(&folder) {
                tell(&format!("failed to remove {}: {error}", folder.display()));
            }
            std::process::exit(INTERRUPTED);
        });
    }
}

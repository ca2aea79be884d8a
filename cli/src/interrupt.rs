//! Ctrl-C, a request to end, a closed terminal: the first one stops cleanly, the second one at
//! once.

use std::path::PathBuf;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Exit code of a program that was ended by Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;

/// Waits for Ctrl-C, for the request to end that service managers send, or for the terminal to
/// close.
#[derive(Debug)]
pub struct Interrupt {
    keyboard: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupt {
    /// Starts listening.
    ///
    /// # Errors
    /// If the system gives no signal handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            keyboard: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Ends when a signal comes.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.keyboard.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }

    /// From here on, a signal ends the process at once. FFmpeg goes with it, by the kernel's
    /// hand; `folder` is removed.
    pub fn exit_at_next(mut self, folder: PathBuf) {
        tokio::spawn(async move {
            self.wait().await;
            if let Err(error) = std::fs::remove_dir_all(&folder) {
                eprintln!("gifgen: failed to remove {}: {error}", folder.display());
            }
            std::process::exit(INTERRUPTED);
        });
    }
}

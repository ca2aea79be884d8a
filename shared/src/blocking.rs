//! Runs blocking work on a thread where it delays no other task.

use std::{future::pending, panic::resume_unwind};

use tokio::task::spawn_blocking;

/// Starts `work` at once on Tokio's blocking threads and returns its result.
///
/// # Panics
/// If `work` panics: the panic continues in the caller.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> {
    let working = spawn_blocking(work);
    async {
        match working.await.map_err(|error| error.try_into_panic()) {
            Ok(done) => done,
            Err(Ok(panic)) => resume_unwind(panic),
            // The runtime is shutting down and never started the work. This future is dropped with it.
            Err(Err(_)) => pending().await,
        }
    }
}

//! Work that takes its time, on a thread where that holds nobody up.

use std::{future::pending, panic::resume_unwind};

use tokio::task::spawn_blocking;

/// Starts `work` at once on a thread of its own, and gives what it returns.
///
/// # Panics
/// If `work` panics: the caller is then no better off than if it had done the work itself.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> {
    let working = spawn_blocking(work);
    async {
        match working.await.map_err(|error| error.try_into_panic()) {
            Ok(done) => done,
            Err(Ok(panic)) => resume_unwind(panic),
            // It was never started, since the runtime is shutting down, and this future with it.
            Err(Err(_)) => pending().await,
        }
    }
}

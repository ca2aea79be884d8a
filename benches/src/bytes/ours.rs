//! Rendering by the real worker.

use std::time::Duration;

use anyhow::{Result, bail};
use gifgen_testkit::test_env::invocation;
use gifgen_worker::Answer;

use super::measured_worker::{MeasuredWorker, Planned};

/// Deadline of one slice.
const DEADLINE: Duration = Duration::from_secs(900);

/// Renders a slice.
///
/// # Errors
/// The slice fails.
pub async fn render(worker: &MeasuredWorker, planned: &Planned) -> Result<()> {
    let invocation = invocation(DEADLINE);
    match worker.worker.handle(&planned.event, &invocation).await? {
        Answer::Done(_) => Ok(()),
        other => bail!("the worker says {other:?}"),
    }
}

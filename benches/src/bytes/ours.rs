//! The real worker.

use std::time::Duration;

use anyhow::{Result, bail};
use gifgen_testkit::test_env::invocation;
use gifgen_worker::worker::Answer;

use super::measured_worker::{MeasuredWorker, Planned};

/// Time for one slice.
const DEADLINE: Duration = Duration::from_secs(900);

/// Has the lane's worker render a slice.
///
/// # Errors
/// If the slice does not end well.
pub async fn render(lane: &MeasuredWorker, planned: &Planned) -> Result<()> {
    let invocation = invocation(DEADLINE);
    match lane.worker.handle(&planned.event, &invocation).await? {
        Answer::Done(_) => Ok(()),
        other => bail!("the worker says {other:?}"),
    }
}

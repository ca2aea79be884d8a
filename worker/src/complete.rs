//! Completing a run, and mending what the last worker finds wrong.

use gifgen_ledger::{
    complete::{Authority, Completer},
    error::LedgerError,
    receipt::Receipt,
    run::Run,
};

use crate::{error::SliceError, invocation::Invocation, worker::Worker};

/// How often a worker that completes renders slices again whose objects are not as their receipts say.
const MOST_ROUNDS: u32 = 3;

impl Worker {
    /// Completes `run` if every slice has a receipt. Slices whose objects are not as their receipts
    /// say (somebody deleted some, or two workers wrote different ones) have no worker any more that
    /// must notice, so this one renders them again, one after another. Its deadline and the platform's retries
    /// bound that; then the run ends `partial`.
    pub(crate) async fn complete(
        &self,
        run: &Run,
        receipt: &Receipt,
        invocation: &Invocation,
    ) -> Result<(), SliceError> {
        for _ in 0..MOST_ROUNDS {
            let completed = self
                .complete_with(Authority::Worker, run, receipt, invocation)
                .await;
            let starts = match completed {
                Err(LedgerError::Disproved { starts, .. }) => starts,
                completed => return Ok(completed?),
            };
            for slice in run.plan() {
                if starts.contains(&slice.start) {
                    let (key, start) = (&run.source.key, slice.start);
                    tracing::warn!(%key, start, "objects are not as the receipt says: rendered again");
                    let before = self.ledger.receipt(run, slice.start).await?;
                    let attempt = before.map_or(1, |receipt| receipt.attempt);
                    self.render_and_record(run, slice, None, attempt, invocation)
                        .await?;
                }
            }
        }
        Ok(self
            .complete_with(Authority::Worker, run, receipt, invocation)
            .await?)
    }

    /// The same with another right, and with no slice rendered again.
    pub(crate) async fn complete_with(
        &self,
        right: Authority,
        run: &Run,
        receipt: &Receipt,
        invocation: &Invocation,
    ) -> Result<(), LedgerError> {
        if self
            .ledger
            .all_receipts_are_there(run, receipt.start)
            .await?
        {
            let completer = Completer {
                id: &invocation.id,
                right,
                deadline: invocation.deadline,
            };
            let completed = self.ledger.complete(run, Some(receipt), completer).await?;
            let (bucket, key) = (&run.source.bucket, &run.source.key);
            tracing::info!(bucket, %key, run = run.run, ?completed, "completed");
        }
        Ok(())
    }
}

//! Completes an overview whose sheets, and a run whose jobs, all have receipts.

use gifgen_ledger::{Authority, Completer, Ledger, LedgerError, Receipt, Run};
use gifgen_shared::job::JobKind;

use crate::invocation::Invocation;

/// Completes the overview of `run` if every sheet has a receipt, and `run` itself if every job has one. `receipt` is the
/// caller's own.
///
/// # Errors
/// [`LedgerError::Disproved`] if objects are not as their receipts say and `authority` is that of a
/// worker; and if the ledger cannot be read or written.
pub(crate) async fn complete_if_last(
    ledger: &Ledger,
    authority: Authority,
    run: &Run,
    receipt: &Receipt,
    invocation: &Invocation,
) -> Result<(), LedgerError> {
    let completer = Completer {
        id: &invocation.id,
        right: authority,
        deadline: invocation.deadline,
    };
    if receipt.kind == JobKind::Overview {
        ledger.complete_overview(run, completer).await?;
    }
    if ledger.all_receipts_are_there(run, receipt.job()).await? {
        let completed = ledger.complete(run, Some(receipt), completer).await?;
        let (bucket, key) = (&run.source.bucket, &run.source.key);
        tracing::info!(bucket, %key, run = run.run, ?completed, "completed");
    }
    Ok(())
}

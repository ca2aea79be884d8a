//! Completes a run whose slices all have receipts.

use gifgen_ledger::{Authority, Completer, Ledger, LedgerError, Receipt, Run};

use crate::invocation::Invocation;

/// Completes `run` if every slice has a receipt; `receipt` is the caller's own.
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
    if ledger.all_receipts_are_there(run, receipt.start).await? {
        let completer = Completer {
            id: &invocation.id,
            right: authority,
            deadline: invocation.deadline,
        };
        let completed = ledger.complete(run, Some(receipt), completer).await?;
        let (bucket, key) = (&run.source.bucket, &run.source.key);
        tracing::info!(bucket, %key, run = run.run, ?completed, "completed");
    }
    Ok(())
}

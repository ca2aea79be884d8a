//! Writes receipts.

use gifgen_ledger::{Ledger, LedgerError, Outcome, Receipt, Run};

/// Writes the receipt of a job of `run`, with a line in the log.
///
/// # Errors
/// If the receipt cannot be written.
pub(crate) async fn record(
    ledger: &Ledger,
    run: &Run,
    receipt: &Receipt,
) -> Result<(), LedgerError> {
    ledger.write_receipt(run, receipt).await?;
    let (bucket, key) = (&run.source.bucket, &run.source.key);
    let (etag, number, start) = (run.source.etag.as_str(), run.run, receipt.start);
    let job = receipt.job();
    let (attempt, work) = (receipt.attempt, receipt.work);
    match &receipt.outcome {
        Outcome::Done(_) => tracing::info!(
            bucket, %key, etag, run = number, %job, start, attempt,
            bytes_written = receipt.objects.iter().map(|object| object.bytes).sum::<u64>(),
            bytes_read = work.bytes_read,
            source_requests = work.source_requests,
            by_excerpt = work.by_excerpt,
            rendered_ms = work.render_ms,
            gif_ms = work.gif_ms,
            uploaded_ms = work.upload_ms,
            elapsed_ms = work.worker_ms,
            "job done"
        ),
        Outcome::Failed { error } => tracing::error!(
            bucket, %key, etag, run = number, %job, start, attempt,
            reason = error.reason,
            why = error.message,
            "job failed for good"
        ),
    }
    Ok(())
}

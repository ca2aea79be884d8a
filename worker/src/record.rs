//! Writes receipts.

use gifgen_ledger::{Ledger, LedgerError, Outcome, Receipt, Run};

/// Writes the receipt of a slice of `run`, with a line in the log.
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
    let (attempt, work) = (receipt.attempt, receipt.work);
    match &receipt.outcome {
        Outcome::Done(outputs) => tracing::info!(
            bucket, %key, etag, run = number, start, attempt,
            gif_bytes = outputs.gif.bytes,
            bytes_read = work.bytes_read,
            source_requests = work.source_requests,
            by_excerpt = work.by_excerpt,
            rendered_ms = work.render_ms,
            gif_ms = work.gif_ms,
            uploaded_ms = work.upload_ms,
            elapsed_ms = work.worker_ms,
            "slice done"
        ),
        Outcome::Failed { error } => tracing::error!(
            bucket, %key, etag, run = number, start, attempt,
            reason = error.reason,
            why = error.message,
            "slice failed for good"
        ),
    }
    Ok(())
}

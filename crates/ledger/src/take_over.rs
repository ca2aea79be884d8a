//! Takes the objects of an earlier run over into one with other settings, as far as the change does not concern them.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use gifgen_shared::JobId;

use crate::{Ledger, bucket::Precondition, error::LedgerError, receipt::Receipt, run::Run};

/// Limit of concurrent writes.
const CONCURRENT_WRITES: usize = 64;

impl Ledger {
    /// Writes receipts of `run` for the jobs whose objects the run `before` has made of the same version with the same
    /// settings of their own, and returns these jobs. The objects must be as its receipts say.
    ///
    /// `run` must be current: then a late worker of `before` replaces nothing any more.
    ///
    /// # Errors
    /// If S3 does not read or write the receipts, or list the objects. A repeated call is harmless.
    pub async fn take_over(&self, run: &Run, before: &Run) -> Result<BTreeSet<JobId>, LedgerError> {
        let is_same = |receipt: &Receipt| {
            receipt.is_good() && receipt.hash == run.hash(receipt.kind) && receipt.is_of_a_job(run)
        };
        let receipts = self.receipts(before).await?;
        let receipts: Vec<Receipt> = receipts.into_values().filter(is_same).collect();
        if receipts.is_empty() {
            return Ok(BTreeSet::new());
        }
        let wrong = self.verify(run, None, &receipts).await?;
        let wrong: BTreeSet<JobId> = wrong.iter().filter_map(|wrong| wrong.job).collect();
        let right = receipts
            .into_iter()
            .filter(|receipt| !wrong.contains(&receipt.job()));
        let right: Vec<Receipt> = right.map(|receipt| receipt.taken_over(run)).collect();
        let writes = right.iter().map(async |receipt| {
            let key = run.keys().receipt(run.run, receipt.job());
            // A worker of this run may have been faster.
            let written = self
                .bucket
                .write(&key, receipt, &Precondition::Absent)
                .await?;
            Ok::<_, LedgerError>((receipt.job(), written.is_won()))
        });
        let writes: Vec<_> = writes.collect();
        let written = stream::iter(writes).buffer_unordered(CONCURRENT_WRITES);
        written
            .try_filter_map(async |(job, is_won)| Ok(is_won.then_some(job)))
            .try_collect()
            .await
    }
}

//! Takes the objects of earlier runs over into one with other settings, as far as the change does not concern them.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use gifgen_shared::JobId;

use crate::{
    Ledger,
    bucket::Precondition,
    error::LedgerError,
    receipt::Receipt,
    run::{EarlierRun, Run},
};

/// Limit of concurrent reads and writes.
const CONCURRENT: usize = 64;

impl Ledger {
    /// Writes receipts of `run` for the jobs that have none and whose objects an earlier run has made of the same
    /// version with the same settings of their own, and returns these jobs. The objects must be as its receipts say.
    ///
    /// `run` must be current: then a late worker of an earlier run replaces nothing any more.
    ///
    /// # Errors
    /// If S3 does not read or write the receipts, or list the objects. A repeated call is harmless.
    pub async fn take_over(&self, run: &Run) -> Result<BTreeSet<JobId>, LedgerError> {
        let mut taken = BTreeSet::new();
        if run.earlier.is_empty() {
            return Ok(taken);
        }
        let mut missing: BTreeSet<JobId> = run.jobs().iter().map(|job| job.id()).collect();
        for job in self.jobs_with_receipts(run).await? {
            missing.remove(&job);
        }
        for earlier in &run.earlier {
            if missing.is_empty() {
                break;
            }
            let receipts = self.receipts_of(run, *earlier, &missing).await?;
            let wrong = self.verify(run, None, &receipts).await?;
            let wrong: BTreeSet<JobId> = wrong.iter().filter_map(|wrong| wrong.job).collect();
            let right = receipts.into_iter();
            let right = right.filter(|receipt| !wrong.contains(&receipt.job()));
            let right: Vec<Receipt> = right.map(|receipt| receipt.taken_over(run)).collect();
            let writes = right.iter().map(async |receipt| {
                let key = run.keys().receipt(run.run, receipt.job());
                // A worker of this run may have been faster.
                let when = Precondition::Absent;
                let written = self.bucket.write(&key, receipt, &when).await?;
                Ok::<_, LedgerError>((receipt.job(), written.is_won()))
            });
            let writes: Vec<_> = writes.collect();
            let written = stream::iter(writes).buffer_unordered(CONCURRENT);
            let written: Vec<(JobId, bool)> = written.try_collect().await?;
            for (job, is_won) in written {
                missing.remove(&job);
                if is_won {
                    taken.insert(job);
                }
            }
        }
        Ok(taken)
    }

    /// The good receipts that an `earlier` run has of these `jobs`, and that `run` can take over.
    async fn receipts_of(
        &self,
        run: &Run,
        earlier: EarlierRun,
        jobs: &BTreeSet<JobId>,
    ) -> Result<Vec<Receipt>, LedgerError> {
        let (keys, folder) = (run.keys(), run.keys().receipts(earlier.run));
        let there = self.bucket.folder(&folder).await?;
        let names = jobs.iter().map(|job| keys.receipt(earlier.run, *job));
        let names = names.filter(|key| there.contains_key(&key[folder.len()..]));
        let reads = names.map(async |key| self.bucket.read::<Receipt>(&key).await);
        let reads: Vec<_> = reads.collect();
        let reads = stream::iter(reads).buffer_unordered(CONCURRENT);
        let read: Vec<Option<(Receipt, _)>> = reads.try_collect().await?;
        let receipts = read.into_iter().flatten().map(|(receipt, _)| receipt);
        let can_be_taken = |receipt: &Receipt| {
            let is_of_run =
                (receipt.run, receipt.run_created_at) == (earlier.run, earlier.created_at);
            is_of_run && receipt.is_good() && receipt.can_become_one_of(run)
        };
        Ok(receipts.filter(can_be_taken).collect())
    }
}

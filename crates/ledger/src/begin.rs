//! Begins, resumes and reopens runs.

use gifgen_shared::{ETag, Job, OutputKeys, SourceKey};

use crate::{
    Ledger,
    bucket::{Precondition, Race},
    error::LedgerError,
    receipt::Receipt,
    run::{Run, Versioned},
};

impl Ledger {
    /// Replaces the run that was `read` by `run`, and deletes the replaced run's manifest. Returns
    /// `false` if `run.json` has changed since; the caller must then read it and check the source again.
    ///
    /// After reading `run.json` and before this call, the caller must check that the source still has
    /// the version of `run`.
    ///
    /// # Errors
    /// If S3 does not delete or write the objects.
    pub async fn begin(
        &self,
        run: &Run,
        read: Option<&Versioned<Run>>,
    ) -> Result<bool, LedgerError> {
        // The manifest is deleted first, because this process may die after the write. Only the manifest
        // of the run that was read is deleted: another run may have begun, and ended, since. It is
        // checked again after the write (`retract`), because the replaced run may have been ending.
        if let Some((before, _)) = read
            && let Some((_, version)) = self.manifest_of(before).await?
        {
            self.bucket.delete(&run.keys().manifest(), &version).await?;
        }
        let when = Precondition::unchanged(read.map(|(_, version)| version));
        let written = self.bucket.write(&run.keys().run(), run, &when).await?;
        let begun = written.is_won() || self.is_on_record(run).await?;
        if begun {
            self.retract(&run.source.key).await?;
        }
        Ok(begun)
    }

    /// Records that the caller sends the slices of a run that has already begun, and returns the updated
    /// run. Returns [`Race::Lost`] if `run.json` is not as it was `read`. The write also makes a concurrent
    /// [`Ledger::begin`] fail whose caller saw another version of the source for a while; that caller
    /// must check the source again.
    ///
    /// # Errors
    /// If S3 does not write `run.json`.
    pub async fn resume(&self, read: &Versioned<Run>) -> Result<Race<Run>, LedgerError> {
        let (run, version) = read;
        let resumed = Run {
            resumed: run.resumed + 1,
            ..run.clone().being_sent()
        };
        let when = Precondition::Is(version.clone());
        let written = self
            .bucket
            .write(&run.keys().run(), &resumed, &when)
            .await?;
        if written.is_won() || self.is_on_record(&resumed).await? {
            Ok(Race::Won(resumed))
        } else {
            Ok(Race::Lost)
        }
    }

    /// Whether `run.json` is exactly what the caller tried to write. A failed precondition can also mean
    /// that the write succeeded and only its answer was lost.
    async fn is_on_record(&self, run: &Run) -> Result<bool, LedgerError> {
        let current = self.current_run(&run.source.key).await?;
        Ok(current.is_some_and(|(current, _)| current == *run))
    }

    /// Deletes what `run` recorded about `jobs` that are about to be sent again: the manifest in the
    /// version that was `read` before the jobs were found unfinished, and the jobs' receipts, unless
    /// a receipt is whole by now. The run then waits for new receipts of all jobs and is announced
    /// again. If the run has just completed by itself, its new manifest stays.
    ///
    /// # Errors
    /// If S3 does not read or delete the objects. A repeated call is harmless.
    pub async fn reopen(
        &self,
        run: &Run,
        read: Option<&ETag>,
        jobs: &[(Job, u32)],
    ) -> Result<(), LedgerError> {
        if let Some(version) = read {
            self.bucket.delete(&run.keys().manifest(), version).await?;
        }
        for (job, _) in jobs.iter().filter(|(_, attempt)| *attempt > 1) {
            let key = run.keys().receipt(run.run, job.id());
            let Some((receipt, version)) = self.bucket.read::<Receipt>(&key).await? else {
                continue;
            };
            if !receipt.is_whole() || !self.is_true(&receipt).await? {
                self.bucket.delete(&key, &version).await?;
            }
        }
        Ok(())
    }

    /// Deletes the manifest of `source` if it belongs to another run than the current one: its objects
    /// are about to be replaced, and the process that should have deleted it may have died.
    ///
    /// # Errors
    /// If S3 does not read or delete the objects.
    pub async fn retract(&self, source: &SourceKey) -> Result<(), LedgerError> {
        // The manifest is read before the run. If they differ, the manifest belongs to an earlier run,
        // never to a later one.
        let Some((manifest, version)) = self.manifest(source).await? else {
            return Ok(());
        };
        let current = self.current_run(source).await?;
        if !current.is_some_and(|(run, _)| manifest.is_of(&run)) {
            let key = OutputKeys::of(source).manifest();
            self.bucket.delete(&key, &version).await?;
        }
        Ok(())
    }
}

//! How runs begin, go on, and are taken up again.

use gifgen_shared::{output_keys::OutputKeys, slice::Slice, source::ETag, source_key::SourceKey};

use crate::{
    Ledger,
    bucket::{Precondition, Race},
    error::LedgerError,
    receipt::Receipt,
    run::{Run, Versioned},
};

impl Ledger {
    /// Makes `run` the current one instead of that which was `read`, and takes back the manifest
    /// of that one. `false` if it has changed meanwhile: read again, look again at the source, and
    /// decide again.
    ///
    /// Between the reading and this, the caller must have seen that the source is in the version
    /// that `run` is about.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn begin(
        &self,
        run: &Run,
        read: Option<&Versioned<Run>>,
    ) -> Result<bool, LedgerError> {
        // The manifest goes before, in case that this process dies after; but only that of the run
        // which was read, since another may have begun, and ended, meanwhile. It goes after as
        // well, in case that the earlier run was just ending.
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

    /// Marks that a run which has begun before goes on, and that the caller sends its slices; gives
    /// the run as it is then. The race is lost if `run.json` is not any more as it was `read`. Whoever
    /// was about to replace the run, because its source was in another version for a while, then has to
    /// look again.
    ///
    /// # Errors
    /// If it cannot be written.
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

    /// Whether `run.json` says just what the caller has tried to write: that the condition of a write
    /// fails can also mean that its answer was lost, and the write not.
    async fn is_on_record(&self, run: &Run) -> Result<bool, LedgerError> {
        let current = self.current_run(&run.source.key).await?;
        Ok(current.is_some_and(|(current, _)| current == *run))
    }

    /// Takes back what `run` says of `slices` that are about to be sent again: the manifest in the
    /// version that was `read` before they were found unfinished, and their receipts, unless they
    /// have turned out well since. So it runs until all of them have new ones, and then is
    /// announced again. A run that has just come to its end by itself is left alone.
    ///
    /// # Errors
    /// If that cannot be done. To do it again is harmless.
    pub async fn reopen(
        &self,
        run: &Run,
        read: Option<&ETag>,
        slices: &[(Slice, u32)],
    ) -> Result<(), LedgerError> {
        if let Some(version) = read {
            self.bucket.delete(&run.keys().manifest(), version).await?;
        }
        for (slice, _) in slices.iter().filter(|(_, attempt)| *attempt > 1) {
            let key = run.keys().receipt(run.run, slice.start);
            let Some((receipt, version)) = self.bucket.read::<Receipt>(&key).await? else {
                continue;
            };
            if !receipt.is_good() || !self.is_true(&receipt).await? {
                self.bucket.delete(&key, &version).await?;
            }
        }
        Ok(())
    }

    /// Takes back the manifest of `source` if it is not that of the run which is current now: its
    /// objects are about to be replaced, and whoever should have done so may have died.
    ///
    /// # Errors
    /// If that cannot be done.
    pub async fn retract(&self, source: &SourceKey) -> Result<(), LedgerError> {
        // First the manifest, then the run: so it is of an earlier one, or of none.
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

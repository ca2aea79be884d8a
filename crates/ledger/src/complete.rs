//! Finds out that a run is complete, and announces it at least once, and normally once.
//!
//! After it wrote its receipt, each worker tries to **complete** the run: it lists the receipts. If one
//! is missing, the worker stops, because the writer of the missing receipt will try later. The writer of
//! the *last* receipt sees all of them, because S3's listings show every write that ended before. So at
//! least one worker goes on, and often only one. It
//!
//! 1. reads `run.json` and `manifest.json` with their versions;
//! 2. reads the receipts and lists the objects. All objects must exist with the size and version that
//!    their receipts name, or with their checksum. Slices that fail this check are first rendered again;
//! 3. writes the track, then the manifest. Each write has the precondition that the object still has the
//!    version that was read, or is still absent. **The manifest is the claim**: of several writers, S3
//!    lets one win. The manifest names its writer (`claimedBy`, the invocation);
//! 4. checks whether the run is still current, and deletes the manifest if it is not;
//! 5. sends `videoPreviewsCompleted`;
//! 6. records in `run.json` which manifest was announced;
//! 7. removes the objects of earlier runs that the manifest does not name ([`remove_old`](crate::remove_old)).
//!
//! **Why not twice.** Suppose there are two last workers. One wins the manifest. The other reads again,
//! finds a manifest of its run with the same slices as its own but claimed by another, and stops. A
//! duplicate that comes later, even days later, finds its receipt and the same manifest, and stops. A
//! partial run that becomes whole, by a redrive or a late success, has another manifest: hence a new claim and a
//! second event, which says `complete` where the first said `partial`. Except for the cases under *What can still happen*, no outcome is announced twice. An outcome is never replaced by an older one, because a completer reads the receipts
//! after the manifest that it replaces, and receipts only get better. A run whose slices are sent again loses its manifest first, so its next end is a new outcome.
//!
//! **Why at least once.** A worker may die, or S3 or the bus may refuse, between any two steps. The
//! invocation has then failed, and the platform retries it with the same id. The retry finds the receipt, so it does not render, and repeats the steps. Before step 3 nothing has
//! happened. After step 3 the manifest exists and names this very invocation, and `run.json` does not
//! name that manifest, so the retry continues with step 5. Others leave the manifest alone, because its
//! claimer is either alive or will be retried. If its retries run out, its event goes to the failure
//! queue with its id, and the run is completed from there. If that fails too, the event stays in the
//! dead-letter queue, which has an alarm, and `gifgen redrive` announces the run.
//!
//! **What can still happen.** No store can write to S3 and to EventBridge in one step. If a worker dies after the
//! bus took the event and before `run.json` records it (steps 5 and 6), or if the bus's answer is lost
//! (for example because the connection breaks late), the client or the invocation's retry sends the
//! event again, with the same `run` and `status`. This is the safer error: a repeated completion is
//! noticed, a missing one is not. The same happens if the platform runs one invocation twice at once. If
//! only step 6 fails, that is logged and not retried. Between steps 3 and 4, the manifest of a run that
//! has just been replaced is visible for a moment. If the worker dies there, it stays until a retried
//! worker of that run or the end of the new run deletes it.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use gifgen_shared::{
    Deadline, ETag, JobId, TrackFormat, job::JobKind, publish::publish,
    slice_event::COMPLETED_DETAIL_TYPE, with_causes,
};
use serde_json::json;

use crate::{
    Ledger,
    bucket::{Precondition, Race},
    derived::Derived,
    error::LedgerError,
    manifest::{Manifest, Status},
    outcome::{JobFailure, Object},
    overview::Ready,
    receipt::{Receipt, Receipts},
    run::Run,
    track::{TRACK_TYPE, track},
};

/// Who completes a run, and with which authority.
#[derive(Clone, Copy, Debug)]
pub struct Completer<'a> {
    /// Id of the invocation. A retry by the platform has the same id.
    pub id: &'a str,
    /// What the completer may do.
    pub right: Authority,
    /// When sending the event must have ended.
    pub deadline: Deadline,
}

impl Completer<'_> {
    /// Whether it is the one that announces what the invocation `claimed_by` has claimed.
    pub(crate) fn may_announce(&self, claimed_by: &str) -> bool {
        claimed_by == self.id || self.right == Authority::Operator
    }
}

/// What a completer may do about missing objects and about claims of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// A worker, which is retried if it fails: missing objects are an error.
    Worker,
    /// The handler of the failure queue, after which no retry helps: a job whose objects differ from
    /// its receipt counts as failed.
    LastResort,
    /// An operator: as `LastResort`, and may also announce a run that another invocation claimed but did
    /// not announce.
    Operator,
}

/// Result of an attempt to complete a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Receipts are missing. The writer of the last one completes the run.
    Waiting,
    /// Another run of the source has begun.
    Superseded,
    /// The manifest exists.
    Completed {
        /// Status that the manifest gives.
        status: Status,
        /// Whether this call sent the event.
        announced: bool,
    },
}

/// Failure reason of a job whose objects are missing or different.
pub(crate) const OBJECTS_MISSING: &str = "objectsMissing";

impl Ledger {
    /// Completes `run` if all receipts exist, as the module's documentation explains; else returns
    /// [`Completion::Waiting`]. `own` is the receipt that the caller has just written. With it, the
    /// other receipts need not be read if a complete manifest already agrees with `own`.
    ///
    /// # Errors
    /// Transient ones. The caller should call again with the same id.
    pub async fn complete(
        &self,
        run: &Run,
        own: Option<&Receipt>,
        completer: Completer<'_>,
    ) -> Result<Completion, LedgerError> {
        for _ in 0..Self::ATTEMPTS {
            if !self.is_current(run).await? {
                return Ok(Completion::Superseded);
            }
            let present = self.manifest(&run.source.key).await?;
            let old = present.as_ref().filter(|(manifest, _)| manifest.is_of(run));
            if let (Some((manifest, version)), Some(own)) = (old, own)
                && manifest.is_complete()
                && manifest.says(own)
            {
                return self.finish(run, manifest, version, completer).await;
            }
            let Some(receipts) = self.checked_receipts(run, completer.right).await? else {
                return Ok(Completion::Waiting);
            };
            let overview = match self.overview_of(run, &receipts, completer).await {
                Ok(Ready::Whole(overview)) => Some(overview),
                Ok(Ready::Incomplete) => None,
                Ok(Ready::Superseded) => return Ok(Completion::Superseded),
                // No retry follows, so the run ends without the tracks, as a partial one.
                Err(error @ LedgerError::NoTracks { .. })
                    if completer.right != Authority::Worker =>
                {
                    tracing::error!(key = %run.source.key, run = run.run, error = %with_causes(&error), "the overview has no tracks");
                    None
                }
                Err(error) => return Err(error),
            };
            let Race::Won(track) = self.write_track(run, &receipts).await? else {
                continue;
            };
            let manifest = Manifest::new(run, &receipts, track, overview.as_ref(), completer.id);
            if let Some((old, version)) = old
                && old.has_outputs_of(&manifest)
            {
                return self.finish(run, old, version, completer).await;
            }
            let when = Precondition::unchanged(present.as_ref().map(|(_, version)| version));
            let key = run.keys().manifest();
            let Race::Won(version) = self.bucket.write(&key, &manifest, &when).await? else {
                continue;
            };
            if !self.is_current(run).await? {
                self.bucket.delete(&key, &version).await?;
                return Ok(Completion::Superseded);
            }
            return self.finish(run, &manifest, &version, completer).await;
        }
        Err(self.contended(run.keys().manifest()))
    }

    /// The receipts of all jobs, checked against the objects; `None` if a receipt is missing.
    async fn checked_receipts(
        &self,
        run: &Run,
        right: Authority,
    ) -> Result<Option<Receipts>, LedgerError> {
        let mut receipts = self.receipts(run).await?;
        if receipts.len() < run.jobs().len() {
            return Ok(None);
        }
        // Also checks what the manifest would name, in case a receipt omits it.
        let manifest = Manifest::new(run, &receipts, None, None, "");
        let wrong = self.verify(run, Some(&manifest), receipts.values()).await?;
        let mut jobs: Vec<JobId> = wrong.iter().filter_map(|wrong| wrong.job).collect();
        jobs.sort_unstable();
        jobs.dedup();
        if !jobs.is_empty() && right == Authority::Worker {
            let key = run.source.key.to_string();
            return Err(LedgerError::Disproved { key, jobs });
        }
        for wrong in wrong {
            if let Some(receipt) = wrong.job.and_then(|job| receipts.get_mut(&job)) {
                receipt.fail(JobFailure {
                    reason: OBJECTS_MISSING.into(),
                    message: format!("{} {}", wrong.key, wrong.problem),
                });
            }
        }
        Ok(Some(receipts))
    }

    /// Writes the track over the slices' pictures. `None` if there are none, or none is wanted.
    async fn write_track(
        &self,
        run: &Run,
        receipts: &Receipts,
    ) -> Result<Race<Option<Object>>, LedgerError> {
        let is_wanted = run.settings.tracks.has(TrackFormat::Vtt);
        let Some(text) = track(receipts).filter(|_| is_wanted) else {
            return Ok(Race::Won(None));
        };
        let track = Derived {
            key: run.keys().track(),
            content_type: TRACK_TYPE,
            bytes: text.into_bytes().into(),
        };
        Ok(self.write_derived(run, track).await?.map(Some))
    }

    /// Announces `manifest`, which exists in this `version`, and then removes what an earlier run has left. Only the
    /// claimer does so, whose retry repeats both.
    async fn finish(
        &self,
        run: &Run,
        manifest: &Manifest,
        version: &ETag,
        completer: Completer<'_>,
    ) -> Result<Completion, LedgerError> {
        let completion = self.announce(run, manifest, version, completer).await?;
        // An operator has no right to delete previews.
        if completer.right != Authority::Operator
            && completer.may_announce(&manifest.claimed_by)
            && completion != Completion::Superseded
            && let Err(error) = self.remove_old(run, manifest).await
        {
            tracing::warn!(key = %run.source.key, run = run.run, error = %with_causes(&error), "what an earlier run has left is not removed");
        }
        Ok(completion)
    }

    /// Sends the event for `manifest`, which exists in this `version`, unless it was sent or another
    /// invocation has to send it.
    async fn announce(
        &self,
        run: &Run,
        manifest: &Manifest,
        version: &ETag,
        completer: Completer<'_>,
    ) -> Result<Completion, LedgerError> {
        let completed = |announced| Completion::Completed {
            status: manifest.status,
            announced,
        };
        if !completer.may_announce(&manifest.claimed_by) {
            return Ok(completed(false));
        }
        let Some((current, _)) = self.current_run(&run.source.key).await? else {
            return Ok(Completion::Superseded);
        };
        if !current.is(run) {
            return Ok(Completion::Superseded);
        }
        if current.announced.as_ref() == Some(version) {
            return Ok(completed(false));
        }
        let event = self.completed(run, manifest);
        let sent = publish(&self.bus, vec![event], completer.deadline).await;
        sent.map_err(|source| LedgerError::Unannounced {
            key: run.source.key.to_string(),
            source,
        })?;
        if let Err(error) = self.note_announced(run, version).await {
            tracing::warn!(key = %run.source.key, run = run.run, error = %with_causes(&error), "the completion is announced, but that is not on record");
        }
        Ok(completed(true))
    }

    /// Records in `run.json` that the manifest in this `version` was announced.
    async fn note_announced(&self, run: &Run, version: &ETag) -> Result<(), LedgerError> {
        self.amend(run, |current| {
            Some(Run {
                announced: Some(version.clone()),
                ..current
            })
        })
        .await
    }

    fn completed(&self, run: &Run, manifest: &Manifest) -> PutEventsRequestEntry {
        let failed = |kind| {
            manifest
                .failed()
                .filter(|(job, _)| job.kind() == kind)
                .count()
        };
        let elapsed = manifest.completed_at - manifest.created_at;
        let detail = json!({
            "bucket": run.source.bucket,
            "key": run.source.key,
            "etag": run.source.etag,
            "run": run.run,
            "manifest": run.keys().manifest(),
            "status": manifest.status,
            "slices": manifest.slices.len(),
            "failedSlices": failed(JobKind::Slice),
            "sheets": manifest.sheets().len(),
            "failedSheets": failed(JobKind::Overview),
            "lostTiles": manifest.lost().count(),
            "elapsedMs": elapsed.num_milliseconds(),
        });
        self.entry(COMPLETED_DETAIL_TYPE, detail)
    }
}

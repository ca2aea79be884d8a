//! How a run is found complete, and announced exactly once.
//!
//! Each worker, after it wrote its receipt, tries to **complete** the run: it lists the receipts. If one is missing,
//! it ends, since whoever writes that one will try after it. The writer of the *last* receipt
//! sees all of them, because S3's listings show every write that ended before. So at least one
//! worker goes on, and often that is the only one. It
//!
//! 1. reads `run.json` and `manifest.json`, with their versions;
//! 2. reads the receipts and lists the objects: all must be there with the size and version that
//!    their receipts name, or with their checksum. Slices of which that is not so are rendered again
//!    first;
//! 3. writes the track, then the manifest, each on condition of the version that it read (or that
//!    there was none). **The manifest is the claim**: S3 lets one of several writers win. It names
//!    its writer (`claimedBy`, the invocation);
//! 4. looks whether the run is still current, and takes the manifest back if it is not;
//! 5. sends `videoPreviewsCompleted`;
//! 6. notes in `run.json` which manifest was announced.
//!
//! **Why exactly one.** Two last workers: one wins the manifest, and the other, reading again,
//! finds a manifest of its run that says the same as its own would, claimed by somebody else, and
//! ends. A duplicate that comes later, days later too, finds its receipt, and then the same. A
//! partial run that becomes whole (a redrive, or a late success) gives another manifest, hence a
//! new claim and a second event, which says `complete` where the first said `partial`. An outcome is
//! never announced twice; and none is replaced by an older one, since a completer reads the receipts
//! after the manifest that it replaces, and receipts only get better. A run that is reopened, to send
//! slices again, loses its manifest first: its next end is another outcome.
//!
//! **Why never zero.** A worker may die, or be refused by S3 or the bus, between any two steps. Its
//! invocation has then failed, and the platform runs it again under the same id; that finds the
//! receipt (so does not render again) and completes from the start. Before step 3 nothing has
//! happened. After it, the manifest is there and names this very invocation, and `run.json` does
//! not name that manifest: so it goes on at step 5. Others leave it alone, for the invocation that
//! claimed is either alive, or will be run again. If it is not (its retries ran out), it comes to
//! the failure queue with its id, and is completed from there; and if that fails too, it stays in the
//! dead-letter queue, which has an alarm, and `gifgen redrive` announces it.
//!
//! **What is left.** No store can write to S3 and to EventBridge in one step. If a worker dies
//! after the bus took the event and before `run.json` says so (steps 5 and 6), or the bus's answer
//! is lost (a connection that breaks too late is such a loss), the event is sent again, by the client or
//! by the invocation's retry: the same one, with the same `run` and `status`.
//! That is the side to err on: a completion that is told twice is noticed, one that is never told is
//! not. The same holds if the platform runs one invocation twice at once. If the event is out and
//! only the note fails, that is logged, not retried. And between steps 3 and 4 the manifest of a run
//! that has just been replaced can be seen for a moment; if the worker dies there, until a worker of
//! that run, which is run again, or the new run's end takes it away.

use std::collections::BTreeMap;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use gifgen_shared::{
    deadline::Deadline, error_chain::with_causes, publish::publish,
    slice_event::COMPLETED_DETAIL_TYPE, source::ETag,
};
use serde_json::json;

use crate::{
    Ledger,
    bucket::{Precondition, PutRequest, Race, Seen},
    checksum::Sha256,
    error::LedgerError,
    listing::Listed,
    manifest::{Manifest, Status},
    outcome::{Object, SliceFailure},
    receipt::Receipt,
    run::Run,
    track::{TRACK_TYPE, track},
};

/// Who completes a run, and with which right.
#[derive(Clone, Copy, Debug)]
pub struct Completer<'a> {
    /// The invocation's id, which stays the same when the platform runs it again.
    pub id: &'a str,
    /// What it may do.
    pub right: Authority,
    /// When it must be over.
    pub deadline: Deadline,
}

/// What a completer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// What a worker may: it is run again if it fails.
    Worker,
    /// What the last resort may, behind which there is no retry that helps: slices whose objects
    /// are not as their receipts say count as failed.
    LastResort,
    /// What an operator may: the same, and to announce what another has claimed and not announced.
    Operator,
}

/// What completing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Receipts are missing; whoever writes the last one completes.
    Waiting,
    /// Another run of the source has begun.
    Superseded,
    /// The manifest is there.
    Completed {
        /// What it says.
        status: Status,
        /// Whether this completer announced it just now.
        announced: bool,
    },
}

/// The reason of a slice whose objects are not there.
const OBJECTS_MISSING: &str = "objectsMissing";

impl Ledger {
    /// Finds out whether `run` is complete, and if so says so, as this module's text has it. The
    /// caller knows that all receipts are there, or is told [`Completion::Waiting`]. With the receipt
    /// that it has just written, `own`, it is spared reading all others if a complete manifest says
    /// the same.
    ///
    /// # Errors
    /// Transient ones: it is to be called again, with the same id.
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
                return self.announce(run, manifest, version, completer).await;
            }
            let track_there = self
                .bucket
                .found_among([run.keys().track().as_str()])
                .await?;
            let Some(receipts) = self.checked_receipts(run, completer.right).await? else {
                return Ok(Completion::Waiting);
            };
            let track_there = track_there.into_values().next();
            let Race::Won(track) = self.write_track(run, &receipts, track_there).await? else {
                continue;
            };
            let manifest = Manifest::new(run, &receipts, track, completer.id);
            if let Some((old, version)) = old
                && old.slices == manifest.slices
            {
                return self.announce(run, old, version, completer).await;
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
            return self.announce(run, &manifest, &version, completer).await;
        }
        Err(self.contended(run.keys().manifest()))
    }

    /// The receipts of all slices, held against the objects; `None` if one is missing.
    async fn checked_receipts(
        &self,
        run: &Run,
        right: Authority,
    ) -> Result<Option<BTreeMap<u32, Receipt>>, LedgerError> {
        let mut receipts = self.receipts(run).await?;
        if receipts.len() < run.slices as usize {
            return Ok(None);
        }
        // What the manifest would name counts, also where a receipt forgets to name it.
        let manifest = Manifest::new(run, &receipts, None, "");
        let wrong = self.verify(run, Some(&manifest), receipts.values()).await?;
        let mut starts: Vec<u32> = wrong.iter().filter_map(|wrong| wrong.start).collect();
        starts.sort_unstable();
        starts.dedup();
        if !starts.is_empty() && right == Authority::Worker {
            let key = run.source.key.to_string();
            return Err(LedgerError::Disproved { key, starts });
        }
        for wrong in wrong {
            if let Some(receipt) = wrong.start.and_then(|start| receipts.get_mut(&start)) {
                receipt.fail(SliceFailure {
                    reason: OBJECTS_MISSING.into(),
                    message: format!("{} {}", wrong.key, wrong.problem),
                });
            }
        }
        Ok(Some(receipts))
    }

    /// Writes the track, unless this run's is there and says the same. There may be none to write.
    async fn write_track(
        &self,
        run: &Run,
        receipts: &BTreeMap<u32, Receipt>,
        there: Option<Listed>,
    ) -> Result<Race<Option<Object>>, LedgerError> {
        let Some(text) = track(receipts) else {
            return Ok(Race::Won(None));
        };
        let text = text.into_bytes();
        let (key, bytes, sha256) = (run.keys().track(), text.len() as u64, Sha256::of(&text));
        let object = |etag| Object {
            key: key.clone(),
            bytes,
            etag,
            sha256: Some(sha256.clone()),
        };
        let own = Some(Seen {
            sha256: Some(sha256.clone()),
            mark: Some(run.mark()),
        });
        if let Some(there) = there.as_ref().filter(|there| there.bytes == bytes)
            && self.bucket.look(&key, &there.etag).await? == own
        {
            return Ok(Race::Won(Some(object(there.etag.clone()))));
        }
        let new = PutRequest {
            key: key.clone(),
            body: text.into(),
            sha256: sha256.clone(),
            content_type: TRACK_TYPE,
            cached: false,
            mark: Some(run.mark()),
        };
        let when = Precondition::unchanged(there.as_ref().map(|there| &there.etag));
        let written = self.bucket.put(new, &when).await?;
        Ok(written.map(|etag| Some(object(etag))))
    }

    /// Announces `manifest`, which is there in this `version`, unless that was done or is another's
    /// to do.
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
        let mine = manifest.claimed_by == completer.id || completer.right == Authority::Operator;
        if !mine {
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
        if let Err(error) = self.note(run, version).await {
            tracing::warn!(key = %run.source.key, run = run.run, error = with_causes(&error), "the completion is announced, but that is not on record");
        }
        Ok(completed(true))
    }

    /// Notes in `run.json` that the manifest in this `version` was announced.
    async fn note(&self, run: &Run, version: &ETag) -> Result<(), LedgerError> {
        self.amend(run, |current| {
            Some(Run {
                announced: Some(version.clone()),
                ..current
            })
        })
        .await
    }

    fn completed(&self, run: &Run, manifest: &Manifest) -> PutEventsRequestEntry {
        let elapsed = manifest.completed_at - manifest.created_at;
        let detail = json!({
            "bucket": run.source.bucket,
            "key": run.source.key,
            "etag": run.source.etag,
            "run": run.run,
            "manifest": run.keys().manifest(),
            "status": manifest.status,
            "slices": manifest.slices.len(),
            "failedSlices": manifest.failed().count(),
            "elapsedMs": elapsed.num_milliseconds(),
        });
        self.entry(COMPLETED_DETAIL_TYPE, detail)
    }
}

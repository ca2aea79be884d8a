//! Finds out that the overview is whole, makes its tracks, and announces it, usually long before the run is complete.
//!
//! The steps are those of [`complete`](mod@crate::complete), with the receipts of the sheets only: the tracks are
//! written, then a receipt of the whole overview, which is the claim, then the event is sent, and then `run.json` records
//! that. So of several last workers one announces the overview, and one that dies on the way is continued by its retry.
//! If that fails, the overview is announced when the run is complete.

use std::{collections::BTreeMap, convert::Infallible};

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use gifgen_shared::{
    ETag, JobId, TrackFormat, blocking::blocking, job::JobKind, publish::publish, with_causes,
};
use gifgen_tracks::{Storyboard, TrackFile, needs_images, track_files};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Ledger,
    bucket::{Precondition, Race},
    checksum::Sha256,
    complete::{Authority, Completer},
    derived::Derived,
    error::LedgerError,
    outcome::Object,
    receipt::{Receipt, Receipts},
    run::{Run, Versioned},
    track::overview,
};

/// `detail-type` of the event that the overview is whole.
pub const OVERVIEW_DETAIL_TYPE: &str = "videoOverviewCompleted";

/// Limit of concurrent reads and writes.
const CONCURRENT: usize = 16;

/// Content of `receipts/{run}/overview.json`: the tracks over all sheets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OverviewReceipt {
    /// Version of this format: 1.
    pub schema_version: u32,
    /// Number of the run among those of its source, from 1.
    pub run: u32,
    /// When the run began.
    pub run_created_at: DateTime<Utc>,
    /// Checksum of what the sheets' receipts say.
    pub of: Sha256,
    /// The tracks, and the pictures that they have of their own, in the order of their keys.
    pub tracks: Vec<Object>,
    /// Number of lost tiles.
    #[serde(default, skip_serializing_if = "is_none")]
    pub lost: usize,
    /// Id of the invocation that wrote this. Only it announces the overview.
    pub claimed_by: String,
    /// When this was written.
    pub finished_at: DateTime<Utc>,
}

fn is_none(lost: &usize) -> bool {
    *lost == 0
}

/// Whether the overview is whole.
#[derive(Clone, Debug, PartialEq)]
pub enum Ready {
    /// All its sheets and tracks are uploaded. Sheets may lack tiles where the source is damaged.
    Whole(OverviewReceipt),
    /// There is none, a sheet failed, or a sheet has no receipt yet.
    Incomplete,
    /// Another run of the source has begun.
    Superseded,
}

/// The receipts of sheets among `receipts`, in order.
fn of_sheets(receipts: &Receipts) -> impl Iterator<Item = &Receipt> {
    let all = receipts.values();
    all.filter(|receipt| receipt.kind == JobKind::Overview)
}

impl Ledger {
    /// Completes the overview of `run` if all its sheets are uploaded. A worker calls it when it has written the receipt
    /// of a sheet.
    ///
    /// # Errors
    /// [`LedgerError::Disproved`] if sheets are not as their receipts say, and the caller is a worker; else transient
    /// ones. The caller should call again with the same id.
    pub async fn complete_overview(
        &self,
        run: &Run,
        completer: Completer<'_>,
    ) -> Result<Ready, LedgerError> {
        let there = self.jobs_with_receipts(run).await?;
        let sheets: Vec<JobId> = (0..run.sheets).map(JobId::Overview).collect();
        if sheets.is_empty() || !sheets.iter().all(|job| there.contains(job)) {
            return Ok(Ready::Incomplete);
        }
        let receipts = self.receipts_of_jobs(run, sheets).await?;
        let wrong = self.wrong_of(receipts.values()).await?;
        let jobs: Vec<JobId> = wrong.iter().filter_map(|wrong| wrong.job).collect();
        match (jobs.is_empty(), completer.right) {
            (true, _) => self.overview_of(run, &receipts, completer).await,
            (false, Authority::Worker) => {
                let key = run.source.key.to_string();
                Err(LedgerError::Disproved { key, jobs })
            }
            (false, _) => Ok(Ready::Incomplete),
        }
    }

    /// Completes the overview of `run` if all its sheets are among `receipts` and good.
    pub(crate) async fn overview_of(
        &self,
        run: &Run,
        receipts: &Receipts,
        completer: Completer<'_>,
    ) -> Result<Ready, LedgerError> {
        let Some(storyboard) = overview(run, receipts) else {
            return Ok(Ready::Incomplete);
        };
        let contents = of_sheets(receipts).map(|receipt| {
            let sums = receipt.objects.iter().map(|object| &object.sha256);
            json!([receipt.outcome, sums.collect::<Vec<_>>()])
        });
        let of = json!([run.settings.tracks, contents.collect::<Vec<_>>()]);
        let of = Sha256::of(of.to_string().as_bytes());
        let key = run.keys().overview_receipt(run.run);
        for _ in 0..Self::ATTEMPTS {
            if !self.is_current(run).await? {
                return Ok(Ready::Superseded);
            }
            let read: Option<Versioned<OverviewReceipt>> = self.bucket.read(&key).await?;
            let valid = read.as_ref().filter(|(there, _)| {
                there.of == of && (there.run, there.run_created_at) == (run.run, run.created_at)
            });
            if let Some((there, version)) = valid
                && self.are_there(&there.tracks).await?
            {
                self.announce_overview(run, there, version, completer)
                    .await?;
                return Ok(Ready::Whole(there.clone()));
            }
            let formats = run.settings.tracks.formats();
            let others = formats.filter(|format| *format != TrackFormat::Vtt);
            let formats = [TrackFormat::Vtt].into_iter().chain(others).collect();
            let written = self.write_tracks(run, receipts, &storyboard, formats);
            let Some(tracks) = written.await? else {
                continue;
            };
            if let Some((there, version)) = valid.filter(|(there, _)| there.tracks == tracks) {
                // Lost tracks are written again. That is no news.
                self.announce_overview(run, there, version, completer)
                    .await?;
                return Ok(Ready::Whole(there.clone()));
            }
            let receipt = OverviewReceipt {
                schema_version: 1,
                run: run.run,
                run_created_at: run.created_at,
                of: of.clone(),
                tracks,
                lost: storyboard.lost.len(),
                claimed_by: completer.id.to_owned(),
                finished_at: Utc::now().trunc_subsecs(3),
            };
            let when = Precondition::unchanged(read.as_ref().map(|(_, version)| version));
            let Race::Won(version) = self.bucket.write(&key, &receipt, &when).await? else {
                continue;
            };
            self.announce_overview(run, &receipt, &version, completer)
                .await?;
            return Ok(Ready::Whole(receipt));
        }
        Err(self.contended(key))
    }

    /// Whether these objects exist in the versions that were written.
    async fn are_there(&self, objects: &[Object]) -> Result<bool, LedgerError> {
        let keys = objects.iter().map(|object| object.key.as_str());
        let found = self.bucket.found_among(keys).await?;
        Ok(objects.iter().all(|object| {
            let listed = found.get(&object.key);
            listed.is_some_and(|listed| listed.etag == object.etag)
        }))
    }

    /// Writes tracks over the overview of `run`, which is rendered, beside those that it has.
    ///
    /// # Errors
    /// If a sheet has no good receipt, or S3 does not read or write the objects.
    pub async fn export_tracks(
        &self,
        run: &Run,
        formats: Vec<TrackFormat>,
    ) -> Result<Vec<Object>, LedgerError> {
        let receipts = self.receipts(run).await?;
        let storyboard = overview(run, &receipts).ok_or_else(|| LedgerError::NoTracks {
            key: run.source.key.to_string(),
            reason: "it has no overview, or one that is not whole".to_owned(),
        })?;
        let written = self
            .write_tracks(run, &receipts, &storyboard, formats)
            .await?;
        written.ok_or_else(|| self.contended(run.keys().tracks()))
    }

    /// Writes tracks over `storyboard` in these `formats`. `None` means that another writer was faster.
    async fn write_tracks(
        &self,
        run: &Run,
        receipts: &Receipts,
        storyboard: &Storyboard,
        formats: Vec<TrackFormat>,
    ) -> Result<Option<Vec<Object>>, LedgerError> {
        let needs = |format: &TrackFormat| needs_images(*format, storyboard);
        let images = if formats.iter().any(needs) {
            self.sheets(run, receipts).await?
        } else {
            BTreeMap::new()
        };
        let unmade = |reason: String| LedgerError::NoTracks {
            key: run.source.key.to_string(),
            reason,
        };
        let board = storyboard.clone();
        let made = blocking(move || {
            let files = formats.iter().map(|format| {
                let read = |url: &str| {
                    Ok::<_, Infallible>(
                        images
                            .get(url)
                            .map(|image| image.to_vec())
                            .unwrap_or_default(),
                    )
                };
                track_files(*format, &board, read).map_err(|error| error.to_string())
            });
            files.collect::<Result<Vec<Vec<TrackFile>>, String>>()
        });
        let made = made.await.map_err(unmade)?;
        let writes = made.into_iter().flatten().map(|file| {
            let derived = Derived {
                key: format!("{}/{}", run.source.key, file.name),
                content_type: file.content_type,
                bytes: file.bytes.into(),
            };
            self.write_derived(run, derived)
        });
        let writes: Vec<_> = writes.collect();
        let written = stream::iter(writes).buffer_unordered(CONCURRENT);
        let written: Vec<Race<Object>> = written.try_collect().await?;
        let won = written.into_iter().map(|race| match race {
            Race::Won(object) => Some(object),
            Race::Lost => None,
        });
        let mut won: Option<Vec<Object>> = won.collect();
        if let Some(objects) = &mut won {
            objects.sort_by(|one, other| one.key.cmp(&other.key));
        }
        Ok(won)
    }

    /// The sheets as the tracks name them.
    async fn sheets(
        &self,
        run: &Run,
        receipts: &Receipts,
    ) -> Result<BTreeMap<String, Bytes>, LedgerError> {
        let folder = format!("{}/", run.source.key);
        let objects = of_sheets(receipts).flat_map(|receipt| &receipt.objects);
        let reads = objects.map(async |object| {
            let content = self.bucket.bytes(&object.key).await?.unwrap_or_default();
            let url = object.key.strip_prefix(&folder).unwrap_or(&object.key);
            Ok((url.to_owned(), content))
        });
        let reads: Vec<_> = reads.collect();
        let reads = stream::iter(reads).buffer_unordered(CONCURRENT);
        reads.try_collect().await
    }

    /// Sends the event for the overview, whose receipt exists in this `version`, unless it was sent or another
    /// invocation has to send it.
    async fn announce_overview(
        &self,
        run: &Run,
        receipt: &OverviewReceipt,
        version: &ETag,
        completer: Completer<'_>,
    ) -> Result<(), LedgerError> {
        let is_mine = completer.may_announce(&receipt.claimed_by);
        let current = self.current_run(&run.source.key).await?;
        let Some((current, _)) = current.filter(|(current, _)| is_mine && current.is(run)) else {
            return Ok(());
        };
        if current.overview_announced.as_ref() == Some(version) {
            return Ok(());
        }
        let mut detail = json!({
            "bucket": run.source.bucket,
            "key": run.source.key,
            "etag": run.source.etag,
            "run": run.run,
            "track": run.keys().overview_track(),
        });
        if receipt.lost > 0 {
            detail["lost"] = json!(receipt.lost);
        }
        let event = self.entry(OVERVIEW_DETAIL_TYPE, detail);
        let sent = publish(&self.bus, vec![event], completer.deadline).await;
        sent.map_err(|source| LedgerError::Unannounced {
            key: run.source.key.to_string(),
            source,
        })?;
        let note = self.amend(run, |current| {
            Some(Run {
                overview_announced: Some(version.clone()),
                ..current
            })
        });
        if let Err(error) = note.await {
            tracing::warn!(key = %run.source.key, run = run.run, error = %with_causes(&error), "the overview is announced, but that is not on record");
        }
        Ok(())
    }
}

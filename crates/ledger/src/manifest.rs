//! `manifest.json`: the result of a run, written only when every job has a receipt.

use chrono::{DateTime, SubsecRound, Utc};
use gifgen_shared::{
    JobId, OutputKeys, PreviewSettings, SourceKey, job::JobKind, slice_event::plain_seconds,
};
use gifgen_tracks::Storyboard;
use serde::{Deserialize, Serialize};

use crate::{
    Ledger,
    cost::Cost,
    error::LedgerError,
    outcome::{JobFailure, LostTile, Object, Outcome, SheetOutputs},
    overview::OverviewReceipt,
    receipt::{Receipt, Receipts},
    run::{Run, SourceFacts, Versioned},
    track::storyboard,
};

/// Content of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Version of this format: 1.
    pub schema_version: u32,
    /// What is known about the source.
    pub source: SourceFacts,
    /// The settings that determined the objects.
    pub settings: PreviewSettings,
    /// Whether all jobs were done.
    pub status: Status,
    /// The slices, in order of their start.
    pub slices: Vec<ManifestJob>,
    /// The WebVTT track over the slices' pictures; `None` if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<Object>,
    /// The overview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview: Option<ManifestOverview>,
    /// The other tracks, all over the overview, in the order of their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracks: Vec<Object>,
    /// Sums over all jobs.
    pub totals: Totals,
    /// What the run cost.
    #[serde(default)]
    pub cost: Cost,
    /// When the run began.
    pub created_at: DateTime<Utc>,
    /// When this manifest was written.
    pub completed_at: DateTime<Utc>,
    /// Number of the run among those of its source, from 1.
    pub run: u32,
    /// Id of the invocation that wrote this manifest. Only it announces the run.
    pub claimed_by: String,
}

/// The overview of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestOverview {
    /// Seconds between two tiles, where there are enough keyframes.
    pub interval: u32,
    /// The sheets in order.
    pub sheets: Vec<ManifestJob>,
    /// The WebVTT track over them; `None` if a sheet failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<Object>,
}

/// Whether all jobs of a run were done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// All are done.
    Complete,
    /// At least one failed permanently, or a tile of the overview is lost.
    Partial,
}

/// A slice or a sheet with its outputs or its failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestJob {
    /// Position among the jobs of its kind, from zero.
    pub index: u32,
    /// First second, inclusive.
    pub start: u32,
    /// End in seconds, exclusive.
    #[serde(serialize_with = "plain_seconds")]
    pub end: f64,
    /// Outputs or failure.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Work and bytes of a run, summed over its jobs. Those taken over from an earlier run do not count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Bytes that the workers read of the source, where that is known.
    pub bytes_read: u64,
    /// Bytes that were uploaded.
    pub bytes_written: u64,
    /// Wall time of all workers that rendered, in milliseconds.
    pub worker_milliseconds: u64,
    /// Wall time multiplied by memory, as Lambda bills it; 0 outside of Lambda.
    pub gb_seconds: f64,
    /// The five slowest slices at most, slowest first.
    pub slowest_slices: Vec<SlowSlice>,
}

/// Wall time of one slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowSlice {
    /// First second of the slice.
    pub start: u32,
    /// Wall time of its worker, in milliseconds.
    pub milliseconds: u64,
}

/// Limit of slices that the manifest lists as slowest.
const SLOWEST: usize = 5;

impl Manifest {
    /// Whether all previews of the run exist.
    pub fn is_complete(&self) -> bool {
        self.status == Status::Complete
    }

    /// Builds the manifest of `run` from its jobs' `receipts`, the `track` over its slices, and what was recorded of
    /// its `overview`. `claimed_by` is the invocation's id.
    pub fn new(
        run: &Run,
        receipts: &Receipts,
        track: Option<Object>,
        overview: Option<&OverviewReceipt>,
        claimed_by: &str,
    ) -> Self {
        let jobs = |kind| {
            let receipts = receipts
                .values()
                .filter(move |receipt| receipt.kind == kind);
            receipts.map(ManifestJob::of).collect::<Vec<_>>()
        };
        let (slices, sheets) = (jobs(JobKind::Slice), jobs(JobKind::Overview));
        // An overview without its tracks is none.
        let whole =
            receipts.values().all(Receipt::is_whole) && (sheets.is_empty() || overview.is_some());
        let tracks = overview.map_or(&[][..], |overview| &overview.tracks);
        let totals = Totals::of(receipts, track.iter().chain(tracks));
        let overview_track = run.keys().overview_track();
        let (vtt, tracks): (Vec<Object>, Vec<Object>) =
            (tracks.iter().cloned()).partition(|object| object.key == overview_track);
        Self {
            schema_version: 1,
            source: run.source.clone(),
            settings: run.settings,
            status: if whole {
                Status::Complete
            } else {
                Status::Partial
            },
            cost: Cost::of(run, receipts, &totals),
            slices,
            totals,
            track,
            overview: (run.sheets > 0).then(|| ManifestOverview {
                interval: run.interval(),
                sheets,
                track: vtt.into_iter().next(),
            }),
            tracks,
            created_at: run.created_at,
            completed_at: Utc::now().trunc_subsecs(3),
            run: run.run,
            claimed_by: claimed_by.to_owned(),
        }
    }

    /// Whether this is the manifest of `run`.
    pub fn is_of(&self, run: &Run) -> bool {
        (self.run, self.created_at) == (run.run, run.created_at)
    }

    /// The sheets of the overview.
    pub fn sheets(&self) -> &[ManifestJob] {
        let overview = self.overview.as_ref();
        overview.map_or(&[], |overview| &overview.sheets)
    }

    /// The overview as tracks take it, with addresses relative to the folder of the video. `None` if it is not whole.
    pub fn storyboard(&self) -> Option<Storyboard> {
        let overview = self.overview.as_ref()?;
        let sheets = overview.sheets.iter();
        let sheets = sheets.map(|sheet| Some((sheet.index, sheet.outcome.sheet()?)));
        let sheets: Vec<(u32, &SheetOutputs)> = sheets.collect::<Option<_>>()?;
        storyboard(self.source.length, overview.interval, sheets.into_iter())
    }

    /// The jobs that failed permanently.
    pub fn failed(&self) -> impl Iterator<Item = (JobId, &JobFailure)> {
        let sheets = self.sheets().iter();
        let sheets = sheets.map(|sheet| (JobId::Overview(sheet.index), sheet));
        let slices = self.slices.iter();
        let slices = slices.map(|slice| (JobId::Slice(slice.start), slice));
        let jobs = sheets.chain(slices);
        jobs.filter_map(|(id, job)| Some((id, job.failure()?)))
    }

    /// The lost tiles of the overview, each with the index of its sheet.
    pub fn lost(&self) -> impl Iterator<Item = (u32, &LostTile)> {
        let sheets = self.sheets().iter();
        sheets.flat_map(|sheet| sheet.outcome.lost().iter().map(|tile| (sheet.index, tile)))
    }

    /// The keys of all its objects.
    pub(crate) fn keys(&self, run: &Run) -> impl Iterator<Item = String> {
        let keys = run.keys();
        let slices = self.slices.iter().filter_map(|slice| slice.outcome.slice());
        let slices = slices.flat_map(move |outputs| {
            let gif = outputs.gif.iter().map(|gif| gif.key.clone());
            let sheet = outputs.storyboard.iter().map(|sheet| sheet.key.clone());
            let frames = outputs.frames.iter();
            let seconds = frames.flat_map(|frames| frames.first..frames.first + frames.count);
            let stills = seconds.map(move |second| keys.frame(second));
            gif.chain(sheet).chain(stills).collect::<Vec<_>>()
        });
        let sheets = self
            .sheets()
            .iter()
            .filter_map(|sheet| sheet.outcome.sheet());
        let sheets = sheets.flat_map(|outputs| &outputs.sheet);
        let sheets = sheets.map(|sheet| sheet.key.clone());
        let of_run = self.objects_of_run().map(|object| object.key.clone());
        slices.chain(sheets).chain(of_run)
    }

    /// The keys of the objects that failed jobs would have.
    pub(crate) fn keys_of_failed(&self, run: &Run) -> impl Iterator<Item = String> {
        let keys = run.keys();
        let slices = self.slices.iter().filter(|slice| slice.failure().is_some());
        let slices = slices.flat_map(move |slice| {
            let stills =
                (slice.start..slice.end.ceil() as u32).map(move |second| keys.frame(second));
            stills.chain([keys.gif(slice.start), keys.storyboard(slice.start)])
        });
        let sheets = self
            .sheets()
            .iter()
            .filter(|sheet| sheet.failure().is_some());
        slices.chain(sheets.map(move |sheet| keys.sheet(sheet.index)))
    }

    /// Its objects that belong to no single job.
    pub fn objects_of_run(&self) -> impl Iterator<Item = &Object> {
        let overview = self.overview.iter().flat_map(|overview| &overview.track);
        self.track.iter().chain(overview).chain(&self.tracks)
    }

    /// Whether it agrees with `receipt` about that receipt's job.
    pub fn says(&self, receipt: &Receipt) -> bool {
        let jobs = match receipt.kind {
            JobKind::Slice => &self.slices,
            JobKind::Overview => self.sheets(),
        };
        jobs.get(receipt.index as usize) == Some(&ManifestJob::of(receipt))
    }

    /// Whether both give the same outputs and failures.
    pub(crate) fn has_outputs_of(&self, other: &Self) -> bool {
        let tracks = |manifest: &Self| {
            let tracks = manifest.objects_of_run();
            let tracks = tracks.map(|track| (track.key.clone(), track.sha256.clone()));
            tracks.collect::<Vec<_>>()
        };
        (self.status, &self.slices, self.sheets()) == (other.status, &other.slices, other.sheets())
            && tracks(self) == tracks(other)
    }
}

impl ManifestJob {
    fn of(receipt: &Receipt) -> Self {
        Self {
            index: receipt.index,
            start: receipt.start,
            end: receipt.end,
            outcome: receipt.outcome.clone(),
        }
    }

    /// Why the job failed; `None` if it has outputs.
    pub fn failure(&self) -> Option<&JobFailure> {
        self.outcome.failure()
    }
}

impl Totals {
    fn of<'a>(receipts: &'a Receipts, tracks: impl Iterator<Item = &'a Object>) -> Self {
        let own = || {
            let all = receipts.values();
            all.filter(|receipt| receipt.taken_from.is_none())
        };
        let work = || own().map(|receipt| receipt.work);
        let objects = own().flat_map(|receipt| &receipt.objects).chain(tracks);
        let mut slowest: Vec<SlowSlice> = own()
            .filter(|receipt| receipt.kind == JobKind::Slice)
            .map(|receipt| SlowSlice {
                start: receipt.start,
                milliseconds: receipt.work.worker_ms,
            })
            .collect();
        slowest.sort_by_key(|slice| std::cmp::Reverse(slice.milliseconds));
        slowest.truncate(SLOWEST);
        let gb_seconds: f64 = work()
            .map(|work| {
                let gigabytes = f64::from(work.memory_megabytes.unwrap_or(0)) / 1024.0;
                work.worker_ms as f64 / 1000.0 * gigabytes
            })
            .fold(0.0, |all, one| all + one);
        Self {
            bytes_read: total(work().filter_map(|work| work.bytes_read)),
            bytes_written: total(objects.map(|object| object.bytes)),
            worker_milliseconds: total(work().map(|work| work.worker_ms)),
            gb_seconds: (gb_seconds * 1000.0).round() / 1000.0,
            slowest_slices: slowest,
        }
    }
}

/// Saturating sum: receipts may hold any number.
fn total(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

impl Ledger {
    /// The manifest of `source`, with its version.
    ///
    /// # Errors
    /// If S3 does not return it, or it is not a manifest.
    pub async fn manifest(
        &self,
        source: &SourceKey,
    ) -> Result<Option<Versioned<Manifest>>, LedgerError> {
        self.bucket.read(&OutputKeys::of(source).manifest()).await
    }

    /// The manifest of `source` if it belongs to `run`.
    ///
    /// # Errors
    /// As [`Ledger::manifest`].
    pub async fn manifest_of(&self, run: &Run) -> Result<Option<Versioned<Manifest>>, LedgerError> {
        let manifest = self.manifest(&run.source.key).await?;
        Ok(manifest.filter(|(manifest, _)| manifest.is_of(run)))
    }
}

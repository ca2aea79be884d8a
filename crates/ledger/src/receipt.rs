//! Receipts: the outcome of each job, written when its objects are uploaded or it has failed
//! permanently.
//!
//! A receipt only gets better: a failure never replaces a success whose objects exist. So a late or
//! repeated event cannot undo another's work. Only [`Ledger::reopen`] deletes receipts, before their
//! jobs are sent again, so that the run waits for all of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SubsecRound, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use gifgen_shared::{Job, JobId, job::JobKind, slice_event::plain_seconds};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger,
    bucket::Precondition,
    error::LedgerError,
    outcome::{JobFailure, Object, Outcome, Outputs},
    run::{Run, SAME_END_SECONDS},
};

/// Receipts of a run, by their jobs.
pub type Receipts = BTreeMap<JobId, Receipt>;

/// The outcome of one job of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Version of this format: 1.
    pub schema_version: u32,
    /// Number of the run among those of its source, from 1.
    pub run: u32,
    /// When the run began.
    pub run_created_at: DateTime<Utc>,
    /// What kind of job it is.
    #[serde(default, skip_serializing_if = "JobKind::is_slice")]
    pub kind: JobKind,
    /// Position among the jobs of its kind, from zero.
    pub index: u32,
    /// First second of the job, inclusive.
    pub start: u32,
    /// End of the job in seconds, exclusive.
    #[serde(serialize_with = "plain_seconds")]
    pub end: f64,
    /// Outputs or failure.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Hash of the source's version and of the settings that determine the objects. A later run with the same hash
    /// takes them over.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// Number of the earlier run that rendered it, if it was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_from: Option<u32>,
    /// The uploaded objects, in the order of their keys; none of a job that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
    /// How often the job had been sent when this was written. A redrive adds one.
    pub attempt: u32,
    /// Time and bytes that the job took.
    pub work: Work,
    /// When this receipt was written.
    pub finished_at: DateTime<Utc>,
}

/// Time and bytes that a job took. Unknown values are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// Wall time of the whole invocation, in milliseconds.
    pub worker_ms: u64,
    /// Wall time of FFmpeg and the encoding of its pictures, in milliseconds.
    pub render_ms: u64,
    /// Time of the GIF encoder, which runs beside FFmpeg, in milliseconds.
    pub gif_ms: u64,
    /// Wall time of the uploads, in milliseconds.
    pub upload_ms: u64,
    /// Bytes that were read of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_read: Option<u64>,
    /// Requests that these reads took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_requests: Option<u64>,
    /// Whether only the excerpt of the slice, or the keyframes of the sheet, were read. Otherwise FFmpeg sought in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_excerpt: Option<bool>,
    /// Memory of the function in megabytes, by which Lambda bills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_megabytes: Option<u32>,
}

/// Limit of concurrent reads.
const CONCURRENT_READS: usize = 64;

/// Up to this number of jobs all receipts are listed at once. Larger runs first check whether the next
/// ones exist.
const FEW_JOBS: usize = 100;

/// Number of receipts after the worker's own that are checked first.
const LOOK_AHEAD: usize = 32;

impl Receipt {
    /// The receipt of a job whose `objects` are uploaded, as of now.
    pub fn done(
        run: &Run,
        job: &Job,
        outputs: Outputs,
        objects: Vec<Object>,
        attempt: u32,
        work: Work,
    ) -> Self {
        Self {
            objects,
            work,
            ..Self::new(run, job, Outcome::Done(outputs), attempt)
        }
    }

    /// The receipt of a job that failed for good, as of now.
    pub fn failed(run: &Run, job: &Job, error: JobFailure, attempt: u32) -> Self {
        Self::new(run, job, Outcome::Failed { error }, attempt)
    }

    fn new(run: &Run, job: &Job, outcome: Outcome, attempt: u32) -> Self {
        Self {
            schema_version: 1,
            run: run.run,
            run_created_at: run.created_at,
            kind: job.id().kind(),
            index: job.index(),
            start: job.start(),
            end: job.end(),
            outcome,
            hash: run.hash(job.id().kind()),
            taken_from: None,
            objects: Vec::new(),
            attempt,
            work: Work::default(),
            finished_at: Utc::now().trunc_subsecs(3),
        }
    }

    /// The same for `run`, which takes over the objects of an earlier one.
    pub(crate) fn taken_over(self, run: &Run) -> Self {
        Self {
            taken_from: Some(self.taken_from.unwrap_or(self.run)),
            run: run.run,
            run_created_at: run.created_at,
            attempt: 1,
            work: Work::default(),
            ..self
        }
    }

    /// Turns it into that of a job that failed.
    pub(crate) fn fail(&mut self, error: JobFailure) {
        self.outcome = Outcome::Failed { error };
        self.objects.clear();
    }

    /// Identifies its job in the run.
    pub fn job(&self) -> JobId {
        match self.kind {
            JobKind::Slice => JobId::Slice(self.start),
            JobKind::Overview => JobId::Overview(self.index),
        }
    }

    /// Whether the job's objects were up.
    pub fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Done(_))
    }

    /// Whether the job's objects were up, and no tile is lost.
    pub fn is_whole(&self) -> bool {
        self.outcome.is_whole()
    }

    /// Whether the list of objects has as many entries as the outputs need, and the outputs are those of its kind.
    fn names_its_objects(&self) -> bool {
        let has = |key: &str, bytes: Option<u64>| {
            let mut objects = self.objects.iter().filter(|object| object.key == key);
            let is_as_said = |object: &Object| bytes.is_none_or(|bytes| object.bytes == bytes);
            objects.next().is_some_and(is_as_said)
        };
        match (self.kind, &self.outcome) {
            (_, Outcome::Failed { .. }) => self.objects.is_empty(),
            (JobKind::Slice, Outcome::Done(Outputs::Slice(outputs))) => {
                let frames = outputs.frames.as_ref().map_or(0, |frames| frames.count);
                let others = [outputs.gif.is_some(), outputs.storyboard.is_some()];
                let count = frames as usize + others.into_iter().filter(|has| *has).count();
                let gif = outputs.gif.as_ref();
                self.objects.len() == count && gif.is_none_or(|gif| has(&gif.key, Some(gif.bytes)))
            }
            (JobKind::Overview, Outcome::Done(Outputs::Sheet(outputs))) => {
                let sheet = outputs.sheet.as_ref();
                self.objects.len() == usize::from(sheet.is_some())
                    && sheet.is_none_or(|sheet| has(&sheet.key, None))
                    && sheet.is_none() == outputs.tiles.is_empty()
            }
            _ => false,
        }
    }

    /// Whether it is a consistent receipt of a job of `run`.
    pub fn is_of(&self, run: &Run) -> bool {
        (self.run, self.run_created_at) == (run.run, run.created_at)
            && self.is_of_a_job(run)
            && self.names_its_objects()
    }

    /// Whether it is consistent, and `run` has the same job with the same settings.
    pub(crate) fn can_become_one_of(&self, run: &Run) -> bool {
        self.hash == run.hash(self.kind) && self.is_of_a_job(run) && self.names_its_objects()
    }

    /// Whether `run` has a job with this range.
    fn is_of_a_job(&self, run: &Run) -> bool {
        run.job(self.job()).is_some_and(|own| {
            let is_same_end = (own.end() - self.end).abs() < SAME_END_SECONDS;
            own.index() == self.index && own.start() == self.start && is_same_end
        })
    }
}

impl Ledger {
    /// The receipt of a job; `None` if there is none.
    ///
    /// # Errors
    /// If S3 does not return it, or it is not a receipt.
    pub async fn receipt(&self, run: &Run, job: JobId) -> Result<Option<Receipt>, LedgerError> {
        let key = run.keys().receipt(run.run, job);
        let read = self.bucket.read::<Receipt>(&key).await?;
        let receipt = read.map(|(receipt, _)| receipt);
        Ok(receipt.filter(|receipt| receipt.is_of(run) && receipt.job() == job))
    }

    /// Writes a receipt, unless an equally good one exists. A failure replaces failures of earlier
    /// attempts, and a success replaces failures. A success whose objects are not as it says does not
    /// count. So if two workers rendered the same job, the receipt of the one whose objects stayed
    /// wins.
    ///
    /// # Errors
    /// If S3 does not write it, or other writers are always faster.
    pub async fn write_receipt(&self, run: &Run, receipt: &Receipt) -> Result<(), LedgerError> {
        let key = run.keys().receipt(run.run, receipt.job());
        let mut when = Precondition::Absent;
        for _ in 0..Self::ATTEMPTS {
            if self.bucket.write(&key, receipt, &when).await?.is_won() {
                return Ok(());
            }
            let Some((other, version)) = self.bucket.read::<Receipt>(&key).await? else {
                when = Precondition::Absent;
                continue;
            };
            let is_one = other.is_of(run) && other.job() == receipt.job();
            let keep = match (is_one, other.is_good(), receipt.is_good()) {
                (false, ..) | (true, false, true) => false,
                (true, true, _) => self.is_true(&other).await?,
                (true, false, false) => other.attempt >= receipt.attempt,
            };
            if keep {
                return Ok(());
            }
            when = Precondition::Is(version);
        }
        Err(self.contended(key))
    }

    /// Number of attempts at a write while other writers are faster.
    pub const ATTEMPTS: u32 = 5;

    /// The error for an object at `key` that other writers always wrote first.
    pub fn contended(&self, key: String) -> LedgerError {
        LedgerError::Contended {
            bucket: self.bucket.name().to_owned(),
            key,
            attempts: Self::ATTEMPTS,
        }
    }

    /// Whether each job of `run` has a receipt. A worker that has just written the receipt of its job
    /// `own` usually needs one short listing to find one missing: that of the receipts after its own.
    ///
    /// # Errors
    /// If S3 does not list them.
    pub async fn all_receipts_are_there(&self, run: &Run, own: JobId) -> Result<bool, LedgerError> {
        let jobs: Vec<JobId> = run.jobs().iter().map(Job::id).collect();
        if jobs.len() > FEW_JOBS {
            let behind: Vec<String> = (jobs.iter())
                .filter(|job| **job > own && job.kind() == own.kind())
                .take(LOOK_AHEAD)
                .map(|job| run.keys().receipt(run.run, *job))
                .collect();
            let found = self
                .bucket
                .found_among(behind.iter().map(String::as_str))
                .await?;
            if found.len() < behind.len() {
                return Ok(false);
            }
        }
        let there = self.jobs_with_receipts(run).await?;
        Ok(jobs.iter().all(|job| there.contains(job)))
    }

    /// The jobs of `run` that have a receipt.
    ///
    /// # Errors
    /// If S3 does not list them.
    pub(crate) async fn jobs_with_receipts(
        &self,
        run: &Run,
    ) -> Result<BTreeSet<JobId>, LedgerError> {
        let (keys, folder) = (run.keys(), run.keys().receipts(run.run));
        let found = self.bucket.folder(&folder).await?;
        let jobs = run.jobs().into_iter().map(|job| job.id());
        let is_there = |job: &JobId| {
            let key = keys.receipt(run.run, *job);
            found.contains_key(&key[folder.len()..])
        };
        Ok(jobs.filter(is_there).collect())
    }

    /// All receipts that `run` has so far.
    ///
    /// # Errors
    /// If S3 does not list or return them.
    pub async fn receipts(&self, run: &Run) -> Result<Receipts, LedgerError> {
        let mut receipts = Receipts::new();
        self.read_receipts(run, &mut receipts).await?;
        Ok(receipts)
    }

    /// Reads the receipts that `run` has so far and adds them to `known`. Those already in `known` are
    /// not read again.
    ///
    /// # Errors
    /// If S3 does not list or return them.
    pub async fn read_receipts(&self, run: &Run, known: &mut Receipts) -> Result<(), LedgerError> {
        let there = self.jobs_with_receipts(run).await?.into_iter();
        let new = there.filter(|job| !known.contains_key(job)).collect();
        known.extend(self.receipts_of_jobs(run, new).await?);
        Ok(())
    }

    /// The receipts that `run` has of these `jobs`.
    ///
    /// # Errors
    /// If S3 does not return them.
    pub(crate) async fn receipts_of_jobs(
        &self,
        run: &Run,
        jobs: Vec<JobId>,
    ) -> Result<Receipts, LedgerError> {
        let reads: Vec<_> = jobs.into_iter().map(|job| self.receipt(run, job)).collect();
        let read: Vec<Option<Receipt>> = stream::iter(reads)
            .buffer_unordered(CONCURRENT_READS)
            .try_collect()
            .await?;
        let receipts = read.into_iter().flatten();
        Ok(receipts.map(|receipt| (receipt.job(), receipt)).collect())
    }
}

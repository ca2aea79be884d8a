//! Receipts: the outcome of each slice, written when its objects are uploaded or it has failed
//! permanently.
//!
//! A receipt only gets better: a failure never replaces a success whose objects exist. So a late or
//! repeated event cannot undo another's work. Only [`Ledger::reopen`] deletes receipts, before their
//! slices are sent again, so that the run waits for all of them.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use gifgen_shared::{Slice, slice_event::plain_seconds};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger,
    bucket::Precondition,
    error::LedgerError,
    outcome::{Object, Outcome, SliceFailure, SliceOutputs},
    run::Run,
};

/// The outcome of one slice of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Version of this format: 1.
    pub schema_version: u32,
    /// Number of the run among those of its source, from 1.
    pub run: u32,
    /// When the run began.
    pub run_created_at: DateTime<Utc>,
    /// Position among the slices of the run, from zero.
    pub index: u32,
    /// First second of the slice, inclusive.
    pub start: u32,
    /// End of the slice in seconds, exclusive.
    #[serde(serialize_with = "plain_seconds")]
    pub end: f64,
    /// Outputs or failure.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The uploaded objects, in the order of their keys; none of a slice that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
    /// How often the slice had been sent when this was written. A redrive adds one.
    pub attempt: u32,
    /// Time and bytes that the slice took.
    pub work: Work,
    /// When this receipt was written.
    pub finished_at: DateTime<Utc>,
}

/// Time and bytes that a slice took. Unknown values are left out.
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
    /// Whether only the slice's excerpt was read. Otherwise FFmpeg sought in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_excerpt: Option<bool>,
    /// Memory of the function in megabytes, by which Lambda bills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_megabytes: Option<u32>,
}

/// Limit of concurrent reads.
const CONCURRENT_READS: usize = 64;

/// Up to this number of slices all receipts are listed at once. Larger runs first check whether the next
/// ones exist.
const FEW_SLICES: usize = 100;

/// Number of receipts after the worker's own that are checked first.
const LOOK_AHEAD: usize = 32;

impl Receipt {
    /// The receipt of a slice whose `objects` are uploaded, as of now.
    pub fn done(
        run: &Run,
        slice: &Slice,
        outputs: SliceOutputs,
        objects: Vec<Object>,
        attempt: u32,
        work: Work,
    ) -> Self {
        Self {
            objects,
            work,
            ..Self::new(run, slice, Outcome::Done(outputs), attempt)
        }
    }

    /// The receipt of a slice that failed for good, as of now.
    pub fn failed(run: &Run, slice: &Slice, error: SliceFailure, attempt: u32) -> Self {
        Self::new(run, slice, Outcome::Failed { error }, attempt)
    }

    fn new(run: &Run, slice: &Slice, outcome: Outcome, attempt: u32) -> Self {
        Self {
            schema_version: 1,
            run: run.run,
            run_created_at: run.created_at,
            index: slice.index,
            start: slice.start,
            end: slice.end,
            outcome,
            objects: Vec::new(),
            attempt,
            work: Work::default(),
            finished_at: Utc::now().trunc_subsecs(3),
        }
    }

    /// Turns it into that of a slice that failed.
    pub(crate) fn fail(&mut self, error: SliceFailure) {
        self.outcome = Outcome::Failed { error };
        self.objects.clear();
    }

    /// Whether the slice's objects were up.
    pub fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Done(_))
    }

    /// Whether the list of objects has as many entries as the outputs need, the GIF among them.
    fn names_its_objects(&self) -> bool {
        let (Outcome::Done(outputs), objects) = (&self.outcome, &self.objects) else {
            return self.objects.is_empty();
        };
        let frames = outputs.frames.as_ref().map_or(0, |frames| frames.count);
        let count = 1 + frames as usize + usize::from(outputs.storyboard.is_some());
        let gif = objects.iter().find(|object| object.key == outputs.gif.key);
        objects.len() == count && gif.is_some_and(|object| object.bytes == outputs.gif.bytes)
    }

    /// Whether it is a consistent receipt of a slice of `run`.
    pub fn is_of(&self, run: &Run) -> bool {
        let slice = Slice {
            index: self.index,
            start: self.start,
            end: self.end,
        };
        (self.run, self.run_created_at) == (run.run, run.created_at)
            && run.slice(&slice).is_some_and(|own| own.index == self.index)
            && self.names_its_objects()
    }
}

impl Ledger {
    /// The receipt of the slice that starts at second `start`; `None` if there is none.
    ///
    /// # Errors
    /// If S3 does not return it, or it is not a receipt.
    pub async fn receipt(&self, run: &Run, start: u32) -> Result<Option<Receipt>, LedgerError> {
        let key = run.keys().receipt(run.run, start);
        let read = self.bucket.read::<Receipt>(&key).await?;
        let receipt = read.map(|(receipt, _)| receipt);
        Ok(receipt.filter(|receipt| receipt.is_of(run) && receipt.start == start))
    }

    /// Writes a receipt, unless an equally good one exists. A failure replaces failures of earlier
    /// attempts, and a success replaces failures. A success whose objects are not as it says does not
    /// count. So if two workers rendered the same slice, the receipt of the one whose objects stayed
    /// wins.
    ///
    /// # Errors
    /// If S3 does not write it, or other writers are always faster.
    pub async fn write_receipt(&self, run: &Run, receipt: &Receipt) -> Result<(), LedgerError> {
        let key = run.keys().receipt(run.run, receipt.start);
        let mut when = Precondition::Absent;
        for _ in 0..Self::ATTEMPTS {
            if self.bucket.write(&key, receipt, &when).await?.is_won() {
                return Ok(());
            }
            let Some((other, version)) = self.bucket.read::<Receipt>(&key).await? else {
                when = Precondition::Absent;
                continue;
            };
            let is_one = other.is_of(run) && other.start == receipt.start;
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

    /// Whether each slice of `run` has a receipt. A worker that has just written the receipt of second
    /// `own` usually needs one short listing to find one missing: that of the receipts after its own.
    ///
    /// # Errors
    /// If S3 does not list them.
    pub async fn all_receipts_are_there(&self, run: &Run, own: u32) -> Result<bool, LedgerError> {
        let plan = run.plan();
        let folder = run.keys().receipts(run.run);
        if plan.len() > FEW_SLICES {
            let behind: Vec<String> = (plan.iter())
                .filter(|slice| slice.start > own)
                .take(LOOK_AHEAD)
                .map(|slice| run.keys().receipt(run.run, slice.start))
                .collect();
            let found = self
                .bucket
                .found_among(behind.iter().map(String::as_str))
                .await?;
            if found.len() < behind.len() {
                return Ok(false);
            }
        }
        let found = self.bucket.folder(&folder).await?;
        Ok(plan
            .iter()
            .all(|slice| found.contains_key(&name(slice.start))))
    }

    /// All receipts that `run` has so far, by the start of their slices.
    ///
    /// # Errors
    /// If S3 does not list or return them.
    pub async fn receipts(&self, run: &Run) -> Result<BTreeMap<u32, Receipt>, LedgerError> {
        let mut receipts = BTreeMap::new();
        self.read_receipts(run, &mut receipts).await?;
        Ok(receipts)
    }

    /// Reads the receipts that `run` has so far and adds them to `known`. Those already in `known` are
    /// not read again.
    ///
    /// # Errors
    /// If S3 does not list or return them.
    pub async fn read_receipts(
        &self,
        run: &Run,
        known: &mut BTreeMap<u32, Receipt>,
    ) -> Result<(), LedgerError> {
        let found = self.bucket.folder(&run.keys().receipts(run.run)).await?;
        let reads: Vec<_> = (run.plan().into_iter())
            .filter(|slice| !known.contains_key(&slice.start))
            .filter(|slice| found.contains_key(&name(slice.start)))
            .map(|slice| self.receipt(run, slice.start))
            .collect();
        let read: Vec<Option<Receipt>> = stream::iter(reads)
            .buffer_unordered(CONCURRENT_READS)
            .try_collect()
            .await?;
        let receipts = read.into_iter().flatten();
        known.extend(receipts.map(|receipt| (receipt.start, receipt)));
        Ok(())
    }
}

/// Name of a receipt in its folder.
fn name(start: u32) -> String {
    format!("{start:06}.json")
}

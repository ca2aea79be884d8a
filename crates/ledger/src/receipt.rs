//! Receipts: what became of each slice, written when its objects are up, or when it has failed for
//! good.
//!
//! A receipt only ever gets better: a failure never replaces a success whose objects are there, so
//! that a late or doubled event cannot undo what another has done. Only slices that are sent again lose theirs first
//! ([`Ledger::reopen`]), so that the run waits for all of them.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use gifgen_shared::{slice::Slice, slice_event::plain_seconds};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger,
    bucket::Precondition,
    error::LedgerError,
    outcome::{Object, Outcome, SliceFailure, SliceOutputs},
    run::Run,
};

/// What became of one slice of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Version of this format: 1.
    pub schema_version: u32,
    /// Number of the run.
    pub run: u32,
    /// When the run began.
    pub run_created_at: DateTime<Utc>,
    /// Place among the slices of the run, from zero.
    pub index: u32,
    /// First second of the slice.
    pub start: u32,
    /// End of the slice, in seconds.
    #[serde(serialize_with = "plain_seconds")]
    pub end: f64,
    /// Its previews, or why it has none.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The uploaded objects, in the order of their keys; none of a slice that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
    /// How often the slice had been sent when this was written; a redrive counts one more.
    pub attempt: u32,
    /// The work that it took.
    pub work: Work,
    /// When this was written.
    pub finished_at: DateTime<Utc>,
}

/// The work that a slice took. What is not known is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// Wall time of the whole invocation, in milliseconds.
    pub worker_ms: u64,
    /// FFmpeg, and what was made of its pictures, in milliseconds.
    pub render_ms: u64,
    /// The GIF's encoding, which goes on beside FFmpeg, in milliseconds.
    pub gif_ms: u64,
    /// The uploads, in milliseconds.
    pub upload_ms: u64,
    /// What was read of the source, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_read: Option<u64>,
    /// Requests that it took to read that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_requests: Option<u64>,
    /// Whether just the slice's excerpt was read; else FFmpeg sought for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_excerpt: Option<bool>,
    /// Memory of the function, in megabytes, which Lambda bills by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_megabytes: Option<u32>,
}

/// Receipts that are read at once.
const CONCURRENT_READS: usize = 64;

/// Runs of at most so many slices list all receipts at once; larger ones first look whether the
/// next ones are there.
const FEW_SLICES: usize = 100;

/// Receipts behind one's own that are looked for first.
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

    /// Whether it names as many objects as it says that there are, the GIF among them.
    fn names_its_objects(&self) -> bool {
        let (Outcome::Done(outputs), objects) = (&self.outcome, &self.objects) else {
            return self.objects.is_empty();
        };
        let frames = outputs.frames.as_ref().map_or(0, |frames| frames.count);
        let count = 1 + frames as usize + usize::from(outputs.storyboard.is_some());
        let gif = objects.iter().find(|object| object.key == outputs.gif.key);
        objects.len() == count && gif.is_some_and(|object| object.bytes == outputs.gif.bytes)
    }

    /// Whether it is that of a slice of `run`, and hangs together.
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
    /// The receipt of the slice that starts at second `start`, if it has one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn receipt(&self, run: &Run, start: u32) -> Result<Option<Receipt>, LedgerError> {
        let key = run.keys().receipt(run.run, start);
        let read = self.bucket.read::<Receipt>(&key).await?;
        let receipt = read.map(|(receipt, _)| receipt);
        Ok(receipt.filter(|receipt| receipt.is_of(run) && receipt.start == start))
    }

    /// Writes a receipt, unless one that is as good is there: a failure replaces failures of earlier
    /// attempts, and a success replaces failures. A success whose objects are not as it says is none:
    /// of two that made the same slice, the one whose objects stayed has the say.
    ///
    /// # Errors
    /// If it cannot be written, or somebody else writes it all the time.
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

    /// How often a write is tried again when somebody else was faster.
    pub const ATTEMPTS: u32 = 5;

    /// The error for an object that others were always faster to write.
    pub fn contended(&self, key: String) -> LedgerError {
        LedgerError::Contended {
            bucket: self.bucket.name().to_owned(),
            key,
            attempts: Self::ATTEMPTS,
        }
    }

    /// Whether each slice of `run` has a receipt. A worker that has just written that of the slice
    /// at second `own` mostly finds out with one short listing: the receipts behind its own.
    ///
    /// # Errors
    /// If they cannot be listed.
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

    /// The receipts that `run` has so far, by the starts of their slices.
    ///
    /// # Errors
    /// If they cannot be listed or read.
    pub async fn receipts(&self, run: &Run) -> Result<BTreeMap<u32, Receipt>, LedgerError> {
        let mut receipts = BTreeMap::new();
        self.read_receipts(run, &mut receipts).await?;
        Ok(receipts)
    }

    /// Reads the receipts that `run` has so far and that are not among the `known` ones.
    ///
    /// # Errors
    /// If they cannot be listed or read.
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

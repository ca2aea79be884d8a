//! `manifest.json`: what a run gave, written when every slice has a receipt, and never before.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, Utc};
use gifgen_shared::{
    output_keys::OutputKeys, preview_settings::PreviewSettings, slice_event::plain_seconds,
    source_key::SourceKey,
};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger,
    error::LedgerError,
    outcome::{Object, Outcome, SliceFailure},
    receipt::Receipt,
    run::{Run, SourceFacts, Versioned},
};

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Version of this format: 1.
    pub schema_version: u32,
    /// The source.
    pub source: SourceFacts,
    /// The settings that decided about the objects.
    pub settings: PreviewSettings,
    /// Whether all slices were rendered.
    pub status: Status,
    /// The slices, in order.
    pub slices: Vec<ManifestSlice>,
    /// The WebVTT track over the stills or sheets, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<Object>,
    /// What it took.
    pub totals: Totals,
    /// When the run began.
    pub created_at: DateTime<Utc>,
    /// When this was written.
    pub completed_at: DateTime<Utc>,
    /// Number of the run.
    pub run: u32,
    /// The invocation that wrote this, and so has to announce it.
    pub claimed_by: String,
}

/// Whether a run gave all that it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// All slices are rendered.
    Complete,
    /// Some slices failed.
    Partial,
}

/// A slice, and what it gave or why nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestSlice {
    /// Place among the slices, from zero.
    pub index: u32,
    /// First second of the slice.
    pub start: u32,
    /// End of the slice, in seconds.
    #[serde(serialize_with = "plain_seconds")]
    pub end: f64,
    /// Its previews, or why it has none.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a run took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// What the workers read of the source, in bytes, as far as that is known.
    pub bytes_read: u64,
    /// What was uploaded, in bytes.
    pub bytes_written: u64,
    /// Wall time of all workers that rendered, in milliseconds.
    pub worker_milliseconds: u64,
    /// The same times their memory, which is what Lambda bills; 0 outside of Lambda.
    pub gb_seconds: f64,
    /// The slices that took longest, the slowest first.
    pub slowest_slices: Vec<SlowSlice>,
}

/// How long a slice took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowSlice {
    /// First second of the slice.
    pub start: u32,
    /// Wall time of its worker, in milliseconds.
    pub milliseconds: u64,
}

/// How many of the slowest slices are named.
const SLOWEST: usize = 5;

impl Manifest {
    /// Whether all previews of its run are there.
    pub fn is_complete(&self) -> bool {
        self.status == Status::Complete
    }

    /// The manifest of `run`, whose slices have these `receipts`, with that `track`.
    pub fn new(
        run: &Run,
        receipts: &BTreeMap<u32, Receipt>,
        track: Option<Object>,
        claimed_by: &str,
    ) -> Self {
        let slices: Vec<ManifestSlice> = receipts.values().map(ManifestSlice::of).collect();
        let whole = slices.iter().all(|slice| slice.failure().is_none());
        Self {
            schema_version: 1,
            source: run.source.clone(),
            settings: run.settings,
            status: if whole {
                Status::Complete
            } else {
                Status::Partial
            },
            slices,
            totals: Totals::of(receipts, track.as_ref()),
            track,
            created_at: run.created_at,
            completed_at: Utc::now().trunc_subsecs(3),
            run: run.run,
            claimed_by: claimed_by.to_owned(),
        }
    }

    /// Whether it is that of `run`.
    pub fn is_of(&self, run: &Run) -> bool {
        (self.run, self.created_at) == (run.run, run.created_at)
    }

    /// The slices that failed.
    pub fn failed(&self) -> impl Iterator<Item = &ManifestSlice> {
        self.slices.iter().filter(|slice| slice.failure().is_some())
    }

    /// Whether it says of a slice what `receipt` does.
    pub fn says(&self, receipt: &Receipt) -> bool {
        let slice = self.slices.get(receipt.index as usize);
        slice == Some(&ManifestSlice::of(receipt))
    }
}

impl ManifestSlice {
    fn of(receipt: &Receipt) -> Self {
        Self {
            index: receipt.index,
            start: receipt.start,
            end: receipt.end,
            outcome: receipt.outcome.clone(),
        }
    }

    /// Why it gave nothing, if it did.
    pub fn failure(&self) -> Option<&SliceFailure> {
        match &self.outcome {
            Outcome::Done(_) => None,
            Outcome::Failed { error } => Some(error),
        }
    }
}

impl Totals {
    fn of(receipts: &BTreeMap<u32, Receipt>, track: Option<&Object>) -> Self {
        let work = || receipts.values().map(|receipt| receipt.work);
        let objects = receipts
            .values()
            .flat_map(|receipt| &receipt.objects)
            .chain(track);
        let mut slowest: Vec<SlowSlice> = receipts
            .values()
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
            .sum();
        Self {
            bytes_read: total(work().filter_map(|work| work.bytes_read)),
            bytes_written: total(objects.map(|object| object.bytes)),
            worker_milliseconds: total(work().map(|work| work.worker_ms)),
            gb_seconds: (gb_seconds * 1000.0).round() / 1000.0,
            slowest_slices: slowest,
        }
    }
}

/// The sum, which never overflows, whatever receipts say.
fn total(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

impl Ledger {
    /// The manifest of `source`, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn manifest(
        &self,
        source: &SourceKey,
    ) -> Result<Option<Versioned<Manifest>>, LedgerError> {
        self.bucket.read(&OutputKeys::of(source).manifest()).await
    }

    /// The manifest of `run`, if the one that is there is its own.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn manifest_of(&self, run: &Run) -> Result<Option<Versioned<Manifest>>, LedgerError> {
        let manifest = self.manifest(&run.source.key).await?;
        Ok(manifest.filter(|(manifest, _)| manifest.is_of(run)))
    }
}

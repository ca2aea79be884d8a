//! `manifest.json`: the result of a run, written only when every slice has a receipt.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, Utc};
use gifgen_shared::{OutputKeys, PreviewSettings, SourceKey, slice_event::plain_seconds};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger,
    error::LedgerError,
    outcome::{Object, Outcome, SliceFailure},
    receipt::Receipt,
    run::{Run, SourceFacts, Versioned},
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
    /// Whether all slices were rendered.
    pub status: Status,
    /// The slices, in order of their start.
    pub slices: Vec<ManifestSlice>,
    /// The WebVTT track; `None` if there are no pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<Object>,
    /// Sums over all slices.
    pub totals: Totals,
    /// When the run began.
    pub created_at: DateTime<Utc>,
    /// When this manifest was written.
    pub completed_at: DateTime<Utc>,
    /// Number of the run among those of its source, from 1.
    pub run: u32,
    /// Id of the invocation that wrote this manifest. Only it announces the run.
    pub claimed_by: String,
}

/// Whether all slices of a run were rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// All slices are rendered.
    Complete,
    /// At least one slice failed permanently.
    Partial,
}

/// A slice with its outputs or its failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestSlice {
    /// Position among the slices, from zero.
    pub index: u32,
    /// First second of the slice, inclusive.
    pub start: u32,
    /// End of the slice in seconds, exclusive.
    #[serde(serialize_with = "plain_seconds")]
    pub end: f64,
    /// Outputs or failure.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Work and bytes of a run, summed over its slices.
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

    /// Builds the manifest of `run` from its slices' `receipts` and its `track`. `claimed_by` is the
    /// invocation's id.
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

    /// Whether this is the manifest of `run`.
    pub fn is_of(&self, run: &Run) -> bool {
        (self.run, self.created_at) == (run.run, run.created_at)
    }

    /// The slices that failed permanently.
    pub fn failed(&self) -> impl Iterator<Item = &ManifestSlice> {
        self.slices.iter().filter(|slice| slice.failure().is_some())
    }

    /// Whether it agrees with `receipt` about that receipt's slice.
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

    /// Why the slice failed; `None` if it has outputs.
    pub fn failure(&self) -> Option<&SliceFailure> {
        self.outcome.failure()
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

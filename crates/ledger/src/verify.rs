//! Checks whether the objects are as the receipts say. An object must exist with the recorded size and
//! version, or in another version with the recorded checksum, which a duplicate event's worker has
//! written.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use gifgen_shared::{Job, JobId};
use serde::Serialize;

use crate::{
    Ledger, error::LedgerError, listing::Listed, manifest::Manifest, outcome::Object,
    receipt::Receipt, run::Run,
};

/// An object that is missing or different. Its JSON is part of the output of `gifgen status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wrong {
    /// Its job; `None` for an object of the whole run.
    #[serde(skip)]
    pub job: Option<JobId>,
    /// Key of the object.
    pub key: String,
    /// What is wrong, as a phrase that follows the key.
    pub problem: String,
}

impl Ledger {
    /// All objects that are missing or different from what `manifest` and `receipts` of `run` say. Lists
    /// the folders of the previews once.
    ///
    /// # Errors
    /// If S3 does not list them.
    pub async fn verify<'a>(
        &self,
        run: &Run,
        manifest: Option<&Manifest>,
        receipts: impl IntoIterator<Item = &'a Receipt>,
    ) -> Result<Vec<Wrong>, LedgerError> {
        let keys = run.keys();
        let mut found = Found::new();
        for folder in [
            keys.gifs(),
            keys.frames(),
            keys.storyboards(),
            keys.sheets(),
        ] {
            let listed = self.bucket.folder(&folder).await?;
            found.extend(
                (listed.into_iter()).map(|(name, listed)| (format!("{folder}{name}"), listed)),
            );
        }
        let of_run = manifest.into_iter().flat_map(Manifest::objects_of_run);
        let of_run: Vec<&str> = of_run.map(|object| object.key.as_str()).collect();
        found.extend(self.bucket.found_among(of_run).await?);
        let by_receipts = self.wrong(receipts, &found).await?;
        let by_manifest = manifest.into_iter().flat_map(|m| missing(m, run, &found));
        let mut all: BTreeMap<String, Wrong> = BTreeMap::new();
        for wrong in by_receipts.into_iter().chain(by_manifest) {
            all.entry(wrong.key.clone()).or_insert(wrong);
        }
        Ok(all.into_values().collect())
    }

    /// The jobs of `run` that must be rendered, each with the number of its next attempt: those
    /// without a receipt, those that failed, sheets with lost tiles, and those whose objects are not as their receipts
    /// say.
    ///
    /// # Errors
    /// If S3 does not return the receipts or list the objects.
    pub async fn unfinished(&self, run: &Run) -> Result<Vec<(Job, u32)>, LedgerError> {
        let receipts = self.receipts(run).await?;
        let wrong = self.verify(run, None, receipts.values()).await?;
        let wrong: BTreeSet<JobId> = wrong.iter().filter_map(|wrong| wrong.job).collect();
        let jobs = run.jobs().into_iter();
        Ok(jobs
            .filter_map(|job| match receipts.get(&job.id()) {
                Some(receipt) if receipt.is_whole() && !wrong.contains(&job.id()) => None,
                Some(receipt) => Some((job, receipt.attempt + 1)),
                None => Some((job, 1)),
            })
            .collect())
    }

    /// Whether the objects of one job are as its receipt says. Lists only those.
    ///
    /// # Errors
    /// If S3 does not list them.
    pub async fn is_true(&self, receipt: &Receipt) -> Result<bool, LedgerError> {
        Ok(self.wrong_of([receipt]).await?.is_empty())
    }

    /// The objects of `receipts` that are not as recorded. Lists only those.
    ///
    /// # Errors
    /// If S3 does not list them.
    pub(crate) async fn wrong_of<'a>(
        &self,
        receipts: impl IntoIterator<Item = &'a Receipt> + Clone,
    ) -> Result<Vec<Wrong>, LedgerError> {
        let objects = receipts.clone().into_iter();
        let objects = objects.flat_map(|receipt| &receipt.objects);
        let keys = objects.map(|object| object.key.as_str());
        let found = self.bucket.found_among(keys).await?;
        self.wrong(receipts, &found).await
    }

    /// The objects of `receipts` that are not as recorded, given what was `found`. If an object has
    /// another version, its checksum is compared too, because the content may be the same.
    pub(crate) async fn wrong<'a>(
        &self,
        receipts: impl IntoIterator<Item = &'a Receipt>,
        found: &Found,
    ) -> Result<Vec<Wrong>, LedgerError> {
        let mut wrong = Vec::new();
        let mut doubtful = Vec::new();
        for receipt in receipts {
            for object in &receipt.objects {
                let listed = found.get(&object.key);
                let Some(problem) = problem(object, listed) else {
                    continue;
                };
                let is = Wrong {
                    job: Some(receipt.job()),
                    key: object.key.clone(),
                    problem: problem.to_string(),
                };
                match (problem, listed, &object.sha256) {
                    (Problem::Replaced, Some(listed), Some(sum)) => {
                        doubtful.push(async move {
                            let seen = self.bucket.inspect(&object.key, &listed.etag).await?;
                            let sha256 = seen.and_then(|seen| seen.sha256);
                            Ok((sha256.as_ref() != Some(sum)).then_some(is))
                        });
                    }
                    _ => wrong.push(is),
                }
            }
        }
        let heads = stream::iter(doubtful).buffer_unordered(CONCURRENT_HEADS);
        let checked: Vec<Option<Wrong>> = heads.try_collect().await?;
        wrong.extend(checked.into_iter().flatten());
        Ok(wrong)
    }
}

/// Limit of concurrent HEADs for checksums.
const CONCURRENT_HEADS: usize = 32;

/// Listed objects by their keys.
pub(crate) type Found = BTreeMap<String, Listed>;

/// Objects that a manifest names and that do not exist or have another size.
fn missing(manifest: &Manifest, run: &Run, found: &Found) -> Vec<Wrong> {
    let keys = run.keys();
    let mut wrong = Vec::new();
    let mut check = |job: Option<JobId>, key: String, bytes: Option<u64>| {
        if let Err(problem) = sized(found.get(&key), bytes) {
            wrong.push(Wrong {
                job,
                key,
                problem: problem.to_string(),
            });
        }
    };
    for slice in &manifest.slices {
        let Some(outputs) = slice.outcome.slice() else {
            continue;
        };
        let job = Some(JobId::Slice(slice.start));
        if let Some(gif) = &outputs.gif {
            check(job, gif.key.clone(), Some(gif.bytes));
        }
        if let Some(frames) = &outputs.frames {
            for second in frames.first..frames.first + frames.count {
                check(job, keys.frame(second), None);
            }
        }
        if let Some(sheet) = &outputs.storyboard {
            check(job, sheet.key.clone(), None);
        }
    }
    for sheet in manifest
        .overview
        .iter()
        .flat_map(|overview| &overview.sheets)
    {
        let image = sheet
            .outcome
            .sheet()
            .and_then(|outputs| outputs.sheet.as_ref());
        if let Some(image) = image {
            check(Some(JobId::Overview(sheet.index)), image.key.clone(), None);
        }
    }
    for object in manifest.objects_of_run() {
        check(None, object.key.clone(), Some(object.bytes));
    }
    wrong
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("is missing")]
    Missing,
    #[error("has {found} bytes, not {wanted}")]
    Size { found: u64, wanted: u64 },
    /// It has the same size but another version than the one that was written.
    #[error("was replaced by something else")]
    Replaced,
}

/// What is wrong with `object`, given what was `found` under its key.
fn problem(object: &Object, found: Option<&Listed>) -> Option<Problem> {
    match sized(found, Some(object.bytes)) {
        Ok(found) => (found.etag != object.etag).then_some(Problem::Replaced),
        Err(problem) => Some(problem),
    }
}

/// The object that was `found`, if it exists and has the `wanted` size in bytes, where that is known.
fn sized(found: Option<&Listed>, wanted: Option<u64>) -> Result<&Listed, Problem> {
    let found = found.ok_or(Problem::Missing)?;
    match wanted {
        Some(wanted) if wanted != found.bytes => Err(Problem::Size {
            found: found.bytes,
            wanted,
        }),
        _ => Ok(found),
    }
}

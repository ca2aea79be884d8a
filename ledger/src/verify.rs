//! Whether the objects are what the receipts say.

use std::collections::{BTreeMap, BTreeSet};

use gifgen_shared::slice::Slice;

use crate::{
    Ledger,
    bucket::Listed,
    error::LedgerError,
    made::Object,
    manifest::{Gave, Manifest},
    receipt::Receipt,
    run::Run,
};

/// An object that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Start of its slice, in seconds; `None` for what belongs to all.
    pub start: Option<u32>,
    /// Its key.
    pub key: String,
    /// What is wrong.
    pub problem: String,
}

impl Ledger {
    /// All objects that are not as `manifest` and `receipts` of `run` say, missing ones among them.
    /// Lists the folders of the previews once.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn verify<'a>(
        &self,
        run: &Run,
        manifest: Option<&Manifest>,
        receipts: impl IntoIterator<Item = &'a Receipt>,
    ) -> Result<Vec<Wrong>, LedgerError> {
        let keys = run.keys();
        let mut found = Found::new();
        for folder in [keys.gifs(), keys.frames(), keys.storyboards()] {
            let listed = self.bucket.folder(&folder).await?;
            found.extend(
                (listed.into_iter()).map(|(name, listed)| (format!("{folder}{name}"), listed)),
            );
        }
        found.extend(self.bucket.those([keys.track().as_str()]).await?);
        let by_receipts = receipts
            .into_iter()
            .flat_map(|receipt| wrong(receipt, &found));
        let by_manifest = manifest.into_iter().flat_map(|m| missing(m, run, &found));
        let mut all: BTreeMap<String, Wrong> = BTreeMap::new();
        for wrong in by_receipts.chain(by_manifest) {
            all.entry(wrong.key.clone()).or_insert(wrong);
        }
        Ok(all.into_values().collect())
    }

    /// The slices of `run` that have to be rendered (again): those without a receipt, those that
    /// failed, and those whose objects are not as their receipts say; each with the number of its
    /// next attempt.
    ///
    /// # Errors
    /// If receipts and objects cannot be read and listed.
    pub async fn unfinished(&self, run: &Run) -> Result<Vec<(Slice, u32)>, LedgerError> {
        let receipts = self.receipts(run).await?;
        let wrong = self.verify(run, None, receipts.values()).await?;
        let wrong: BTreeSet<u32> = wrong.iter().filter_map(|wrong| wrong.start).collect();
        let slices = run.plan().into_iter();
        Ok(slices
            .filter_map(|slice| match receipts.get(&slice.start) {
                Some(receipt) if receipt.is_good() && !wrong.contains(&slice.start) => None,
                Some(receipt) => Some((slice, receipt.attempt + 1)),
                None => Some((slice, 1)),
            })
            .collect())
    }

    /// Whether the objects of one slice are as its receipt says. Lists only them.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn is_true(&self, receipt: &Receipt) -> Result<bool, LedgerError> {
        let keys = receipt.objects().iter().map(|object| object.key.as_str());
        let found = self.bucket.those(keys).await?;
        Ok(wrong(receipt, &found).next().is_none())
    }
}

/// Objects by their keys.
type Found = BTreeMap<String, Listed>;

fn wrong<'a>(receipt: &'a Receipt, found: &'a Found) -> impl Iterator<Item = Wrong> + 'a {
    receipt.objects().iter().filter_map(|object| {
        Some(Wrong {
            start: Some(receipt.start),
            key: object.key.clone(),
            problem: problem(object, found.get(&object.key))?,
        })
    })
}

/// What a manifest names and is not there, or not in the size that it says.
fn missing(manifest: &Manifest, run: &Run, found: &Found) -> Vec<Wrong> {
    let keys = run.keys();
    let mut wrong = Vec::new();
    let mut look = |start: Option<u32>, key: String, bytes: Option<u64>| {
        let problem = match (found.get(&key), bytes) {
            (None, _) => "is missing".into(),
            (Some(found), Some(wanted)) if found.bytes != wanted => {
                format!("has {} bytes, not {wanted}", found.bytes)
            }
            _ => return,
        };
        wrong.push(Wrong {
            start,
            key,
            problem,
        });
    };
    for slice in &manifest.slices {
        let Gave::Made(made) = &slice.gave else {
            continue;
        };
        let start = Some(slice.start);
        look(start, made.gif.key.clone(), Some(made.gif.bytes));
        if let Some(frames) = &made.frames {
            for second in frames.first..frames.first + frames.count {
                look(start, keys.frame(second), None);
            }
        }
        if let Some(sheet) = &made.storyboard {
            look(start, sheet.key.clone(), None);
        }
    }
    if let Some(track) = &manifest.track {
        look(None, track.key.clone(), Some(track.bytes));
    }
    wrong
}

/// What is wrong with an object, given what was found in its place.
pub(crate) fn problem(object: &Object, found: Option<&Listed>) -> Option<String> {
    let Some(found) = found else {
        return Some("is missing".into());
    };
    if found.bytes != object.bytes {
        let (found, wanted) = (found.bytes, object.bytes);
        return Some(format!("has {found} bytes, not {wanted}"));
    }
    (found.etag != object.etag).then(|| "was replaced by something else".into())
}

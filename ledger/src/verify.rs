//! Whether the objects are what the receipts say.

use std::collections::{BTreeMap, BTreeSet};

use gifgen_shared::slice::Slice;

use crate::{Ledger, bucket::Listed, error::LedgerError, made::Object, receipt::Receipt, run::Run};

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
    /// All objects that are not as `receipts` of `run` say, missing ones among them. Lists the
    /// folders of the previews once.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn verify<'a>(
        &self,
        run: &Run,
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
        Ok(receipts
            .into_iter()
            .flat_map(|receipt| wrong(receipt, &found))
            .collect())
    }

    /// The slices of `run` that have to be rendered (again): those without a receipt, those that
    /// failed, and those whose objects are not as their receipts say; each with the number of its
    /// next attempt.
    ///
    /// # Errors
    /// If receipts and objects cannot be read and listed.
    pub async fn unfinished(&self, run: &Run) -> Result<Vec<(Slice, u32)>, LedgerError> {
        let receipts = self.receipts(run).await?;
        let wrong = self.verify(run, receipts.values()).await?;
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

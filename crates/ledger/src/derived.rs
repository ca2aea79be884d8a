//! Objects that follow from others: tracks, and pictures that are cut from sheets.

use bytes::Bytes;

use crate::{
    Ledger,
    bucket::{Precondition, PutRequest, Race, Seen},
    checksum::Sha256,
    error::LedgerError,
    outcome::Object,
    run::Run,
};

/// An object that follows from others.
#[derive(Debug)]
pub(crate) struct Derived {
    pub key: String,
    pub content_type: &'static str,
    pub bytes: Bytes,
}

impl Ledger {
    /// Writes an object, unless it exists with the same content for the same run. [`Race::Lost`] means that another
    /// writer was faster.
    pub(crate) async fn write_derived(
        &self,
        run: &Run,
        derived: Derived,
    ) -> Result<Race<Object>, LedgerError> {
        let Derived {
            key,
            content_type,
            bytes: content,
        } = derived;
        let there = self.bucket.found_among([key.as_str()]).await?;
        let there = there.into_values().next();
        let (bytes, sha256) = (content.len() as u64, Sha256::of(&content));
        let object = |etag| Object {
            key: key.clone(),
            bytes,
            etag,
            sha256: Some(sha256.clone()),
        };
        let own = Some(Seen {
            sha256: Some(sha256.clone()),
            mark: Some(run.mark()),
        });
        if let Some(there) = there.as_ref().filter(|there| there.bytes == bytes)
            && self.bucket.inspect(&key, &there.etag).await? == own
        {
            return Ok(Race::Won(object(there.etag.clone())));
        }
        if !self.is_current(run).await? {
            return Ok(Race::Lost);
        }
        let new = PutRequest {
            key: key.clone(),
            body: content.into(),
            sha256: sha256.clone(),
            content_type,
            cached: false,
            mark: Some(run.mark()),
        };
        let when = Precondition::unchanged(there.as_ref().map(|there| &there.etag));
        let written = self.bucket.put(new, &when).await?;
        Ok(written.map(object))
    }
}

//! Conditions of a write. They are checked inside the transaction, so no other write can intervene.

use super::StoreError;
use super::records::Record;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriteCondition {
    Always,
    /// No object has the key (`If-None-Match: *`).
    IfAbsent,
    /// An object has the key (`If-Match: *`).
    IfPresent,
    /// The object has this ETag, without quotes (`If-Match: "…"`).
    IfMatch(String),
}

impl WriteCondition {
    pub(crate) fn check(
        &self,
        bucket: &str,
        key: &str,
        current: Option<&Record>,
    ) -> Result<(), StoreError> {
        match (self, current) {
            (Self::Always, _) | (Self::IfAbsent, None) | (Self::IfPresent, Some(_)) => Ok(()),
            (Self::IfMatch(etag), Some(current)) if *etag == current.etag => Ok(()),
            // As in S3: a missing object is "not found", not a failed precondition.
            (Self::IfPresent | Self::IfMatch(_), None) => Err(StoreError::NoSuchKey {
                bucket: bucket.into(),
                key: key.into(),
            }),
            (Self::IfAbsent | Self::IfMatch(_), Some(_)) => Err(StoreError::PreconditionFailed),
        }
    }
}

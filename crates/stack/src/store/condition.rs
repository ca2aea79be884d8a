//! Conditions on a write. They are checked inside the change, where nothing can come between.

use super::StoreError;
use super::records::Record;

/// When a write is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriteCondition {
    /// In any case.
    Always,
    /// If there is no object of that key (`If-None-Match: *`).
    IfAbsent,
    /// If there is an object of that key (`If-Match: *`).
    IfPresent,
    /// If the object has this ETag, without quotes (`If-Match: "…"`).
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
            // As S3 does: to match nothing is not to find it.
            (Self::IfPresent | Self::IfMatch(_), None) => Err(StoreError::NoSuchKey {
                bucket: bucket.into(),
                key: key.into(),
            }),
            (Self::IfAbsent | Self::IfMatch(_), Some(_)) => Err(StoreError::PreconditionFailed),
        }
    }
}

//! The change that creates an object, for all API calls.

use std::path::{Path, PathBuf};

use super::StoreError;
use super::bodies::NewBody;
use super::condition::WriteCondition;
use super::created::{Created, Reason};
use super::etags::ETags;
use super::records::{Body, Checksums, ObjectHeaders, ObjectInfo, Record, now_millis};
use super::tables::WriteTables;
use super::writer::{AfterCommit, Changed};

#[derive(Debug)]
pub(crate) struct NewObject {
    pub(crate) body: NewBody,
    pub(crate) bytes: u64,
    /// The ETag, if ETags depend on the content.
    pub(crate) etag: String,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: ObjectHeaders,
    pub(crate) checksums: Checksums,
    pub(crate) reason: Reason,
}

/// Stores a new object under its key if the condition holds.
pub(super) fn insert(
    tables: &mut WriteTables<'_>,
    bodies: &Path,
    bucket: &str,
    key: &str,
    new: NewObject,
    condition: &WriteCondition,
    etags: ETags,
) -> Result<Changed<ObjectInfo>, StoreError> {
    tables.require_bucket(bucket)?;
    let current = tables.object(bucket, key)?.and_then(Record::refreshed);
    condition.check(bucket, key, current.as_ref())?;
    let record = Record {
        bytes: new.bytes,
        etag: etags.choose(new.etag)?,
        modified_ms: now_millis(),
        body: Body::Stored(new.body.id().into()),
        content_type: new.content_type,
        headers: new.headers,
        checksums: new.checksums,
    };
    replace(
        tables,
        bodies,
        (bucket, key),
        record,
        Some(new.body),
        new.reason,
    )
}

/// Replaces the record of a key. The old body is removed, and the new object is announced.
pub(super) fn replace(
    tables: &mut WriteTables<'_>,
    bodies: &Path,
    (bucket, key): (&str, &str),
    record: Record,
    body: Option<NewBody>,
    reason: Reason,
) -> Result<Changed<ObjectInfo>, StoreError> {
    let old = tables.object(bucket, key)?;
    tables.put_object(bucket, key, &record)?;
    let created = Created {
        bucket: bucket.into(),
        key: key.into(),
        bytes: record.bytes,
        etag: record.etag.clone(),
        reason,
    };
    Ok(Changed {
        after: AfterCommit {
            keep: body.into_iter().collect(),
            unlink: old
                .and_then(|old| stored_path(bodies, &old))
                .into_iter()
                .collect(),
            created: Some(created),
        },
        value: record.into_info(key, bodies),
    })
}

/// The path of a stored body; `None` if it is adopted.
pub(super) fn stored_path(bodies: &Path, record: &Record) -> Option<PathBuf> {
    match &record.body {
        Body::Stored(id) => Some(bodies.join(id)),
        Body::Adopted(_) => None,
    }
}

/// A change without follow-up work.
pub(super) fn done<T>(value: T) -> Changed<T> {
    Changed {
        value,
        after: AfterCommit::default(),
    }
}

//! Multipart uploads. Each part has its own body until the upload is completed.

use super::StoreError;
use super::blocking::blocking;
use super::bodies::Received;
use super::condition::WriteCondition;
use super::created::Reason;
use super::handle::Store;
use super::insert::{NewObject, done, insert};
use super::objects::check_key;
use super::parts::{self, CompletePart};
use super::records::{Checksums, ObjectHeaders, ObjectInfo, Part, Upload, UploadId, now_millis};
use super::writer::{AfterCommit, Changed};
use crate::ids::{hex, random_hex};

impl Store {
    /// Starts an upload and returns its id.
    pub(crate) async fn create_upload(
        &self,
        bucket: &str,
        key: &str,
        content_type: Option<String>,
        headers: ObjectHeaders,
    ) -> Result<String, StoreError> {
        check_key(key)?;
        let id = random_hex::<16>()?;
        let upload = Upload {
            bucket: bucket.into(),
            key: key.into(),
            initiated_ms: now_millis(),
            content_type,
            headers,
        };
        self.change(move |tables| {
            tables.require_bucket(&upload.bucket)?;
            tables.put_upload(&id, &upload)?;
            Ok(done(id))
        })
        .await
    }

    /// Checks that the upload exists, before a body is received.
    pub(crate) async fn require_upload(&self, upload: UploadId) -> Result<(), StoreError> {
        self.read(move |tables| {
            tables.require_bucket(&upload.bucket)?;
            tables.upload(&upload).map(drop)
        })
        .await
    }

    /// Adds or replaces a part, and returns its ETag.
    pub(crate) async fn put_part(
        &self,
        upload: UploadId,
        number: u32,
        received: Received,
    ) -> Result<String, StoreError> {
        let bodies = self.bodies().to_owned();
        self.change(move |tables| {
            tables.upload(&upload)?;
            let replaced = tables.part(&upload.id, number)?;
            let part = Part {
                body: received.body.id().into(),
                bytes: received.bytes,
                md5: received.md5,
                modified_ms: now_millis(),
            };
            tables.put_part(&upload.id, number, &part)?;
            Ok(Changed {
                value: hex(&part.md5),
                after: AfterCommit {
                    keep: vec![received.body],
                    unlink: replaced
                        .iter()
                        .map(|part| bodies.join(&part.body))
                        .collect(),
                    created: None,
                },
            })
        })
        .await
    }

    /// Creates the object from the named parts, and removes the upload.
    pub(crate) async fn complete_upload(
        &self,
        name: UploadId,
        wanted: Vec<CompletePart>,
        condition: WriteCondition,
    ) -> Result<ObjectInfo, StoreError> {
        let named = name.clone();
        let (upload, chosen) = self
            .read(move |tables| {
                tables.require_bucket(&named.bucket)?;
                let upload = tables.upload(&named)?;
                let parts = tables.parts_of(&named.id)?;
                Ok((upload, parts::choose(&parts, &wanted)?))
            })
            .await?;
        let (bodies, etags) = (self.bodies().to_owned(), self.etags());
        let (dir, to_join) = (bodies.clone(), chosen.clone());
        let body = blocking(move || parts::join(&dir, &to_join)).await?;
        self.change(move |tables| {
            // Meanwhile, the upload may have been completed or aborted, or a part replaced.
            tables.upload(&name)?;
            for (number, part) in &chosen {
                let now = tables.part(&name.id, *number)?;
                if now.is_none_or(|now| now.body != part.body) {
                    return Err(StoreError::InvalidPart(*number));
                }
            }
            let new = NewObject {
                body,
                bytes: chosen.iter().map(|(_, part)| part.bytes).sum(),
                etag: parts::etag(&chosen),
                content_type: upload.content_type,
                headers: upload.headers,
                // These would be of the parts. S3 stores no checksums of the whole either, unless
                // asked to.
                checksums: Checksums::new(),
                reason: Reason::CompleteMultipartUpload,
            };
            // A change must not fail once it has written, so the parts are read first.
            let used_up = tables.parts_of(&name.id)?;
            let (bucket, key) = (&name.bucket, &name.key);
            let mut done = insert(tables, &bodies, bucket, key, new, &condition, etags)?;
            tables.remove_upload(&name.id)?;
            let used_up = used_up.iter().map(|(_, part)| bodies.join(&part.body));
            done.after.unlink.extend(used_up);
            Ok(done)
        })
        .await
    }

    /// Removes an upload and its parts.
    pub(crate) async fn abort_upload(&self, upload: UploadId) -> Result<(), StoreError> {
        let bodies = self.bodies().to_owned();
        self.change(move |tables| {
            tables.require_bucket(&upload.bucket)?;
            tables.upload(&upload)?;
            let parts = tables.remove_upload(&upload.id)?;
            Ok(Changed {
                value: (),
                after: AfterCommit {
                    unlink: (parts.iter())
                        .map(|(_, part)| bodies.join(&part.body))
                        .collect(),
                    ..AfterCommit::default()
                },
            })
        })
        .await
    }

    /// The parts of an upload, sorted by number.
    pub(crate) async fn parts(&self, upload: UploadId) -> Result<Vec<(u32, Part)>, StoreError> {
        self.read(move |tables| {
            tables.require_bucket(&upload.bucket)?;
            tables.upload(&upload)?;
            tables.parts_of(&upload.id)
        })
        .await
    }

    /// The uploads in progress for keys that start with `prefix`, sorted by key and age.
    pub(crate) async fn uploads(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Vec<(String, Upload)>, StoreError> {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        self.read(move |tables| {
            tables.require_bucket(&bucket)?;
            let mut uploads = tables.uploads()?;
            uploads
                .retain(|(_, upload)| upload.bucket == bucket && upload.key.starts_with(&prefix));
            uploads
                .sort_by(|(_, a), (_, b)| (&a.key, a.initiated_ms).cmp(&(&b.key, b.initiated_ms)));
            Ok(uploads)
        })
        .await
    }
}

//! Adopts, opens, lists, copies and deletes objects.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::StoreError;
use super::blocking::blocking;
use super::bodies::{self, NewBody};
use super::condition::WriteCondition;
use super::created::Reason;
use super::handle::Store;
use super::insert::{NewObject, insert, replace, stored_path};
use super::listing::{self, Entry, Page, Query};
use super::records::{Checksums, ObjectInfo, Record};
use super::writer::{AfterCommit, Changed};

/// Longest key in S3, in bytes.
const MAX_KEY_BYTES: usize = 1024;
/// Number of lookups of a body that is being replaced.
const OPEN_TRIES: usize = 5;

/// An object and its body, opened together. Later changes of the object do not affect it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) info: ObjectInfo,
    pub(crate) file: File,
}

impl Store {
    /// Registers a file as an object. The store does not copy, read, change or remove the file. If
    /// the file changes, so do the object's size and ETag; if it is removed, so is the object.
    /// Announces `Object Created`.
    ///
    /// # Errors
    /// The bucket or the regular file does not exist, or the database fails.
    pub async fn adopt(
        &self,
        bucket: &str,
        key: &str,
        file: &Path,
    ) -> Result<ObjectInfo, StoreError> {
        self.adopt_with(bucket, key, file, Checksums::new()).await
    }

    /// The same for a file whose SHA-256 checksum is known, in base64.
    ///
    /// # Errors
    /// As [`Self::adopt`].
    pub async fn adopt_with_sha256(
        &self,
        bucket: &str,
        key: &str,
        file: &Path,
        sha256: &str,
    ) -> Result<ObjectInfo, StoreError> {
        let sum = ("sha256".to_owned(), sha256.to_owned());
        self.adopt_with(bucket, key, file, Checksums::from([sum]))
            .await
    }

    async fn adopt_with(
        &self,
        bucket: &str,
        key: &str,
        file: &Path,
        checksums: Checksums,
    ) -> Result<ObjectInfo, StoreError> {
        check_key(key)?;
        let file = file.to_owned();
        let record = blocking(move || {
            let file = fs::canonicalize(&file).map_err(StoreError::io("find", &file))?;
            let metadata = fs::metadata(&file).map_err(StoreError::io("read", &file))?;
            if !metadata.is_file() {
                return Err(StoreError::NotAFile(file));
            }
            Ok(Record {
                checksums,
                ..Record::of_adopted(&file, &metadata)
            })
        })
        .await?;
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let bodies = self.bodies().to_owned();
        self.change(move |tables| {
            tables.require_bucket(&bucket)?;
            replace(
                tables,
                &bodies,
                (&bucket, &key),
                record,
                None,
                Reason::PutObject,
            )
        })
        .await
    }

    /// All objects whose key starts with `prefix`, sorted by the keys' bytes.
    ///
    /// # Errors
    /// The bucket does not exist, or the database fails.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectInfo>, StoreError> {
        let query = Query {
            prefix: prefix.into(),
            max: usize::MAX,
            ..Query::default()
        };
        let bodies = self.bodies().to_owned();
        let page = self.page(bucket, query).await?;
        Ok(page
            .entries
            .into_iter()
            .filter_map(|entry| match entry {
                Entry::Object(key, record) => Some(record.into_info(&key, &bodies)),
                Entry::Prefix(_) => None,
            })
            .collect())
    }

    pub(crate) async fn page(&self, bucket: &str, query: Query) -> Result<Page, StoreError> {
        let bucket = bucket.to_owned();
        self.read(move |tables| {
            tables.require_bucket(&bucket)?;
            let mut page = listing::list(&tables.objects, &bucket, &query)?;
            page.entries = (page.entries.into_iter())
                .filter_map(|entry| match entry {
                    Entry::Object(key, record) => {
                        Some(Entry::Object(key, Box::new(record.refreshed()?)))
                    }
                    prefix => Some(prefix),
                })
                .collect();
            Ok(page)
        })
        .await
    }

    pub(crate) async fn open_object(&self, bucket: &str, key: &str) -> Result<Opened, StoreError> {
        for _ in 1..OPEN_TRIES {
            if let Some(opened) = self.try_open(bucket, key).await? {
                return Ok(opened);
            }
        }
        let opened = self.try_open(bucket, key).await?;
        opened.ok_or_else(|| no_such_key(bucket, key))
    }

    /// `None` if the body was replaced between lookup and opening.
    async fn try_open(&self, bucket: &str, key: &str) -> Result<Option<Opened>, StoreError> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let bodies = self.bodies().to_owned();
        self.read(move |tables| {
            tables.require_bucket(&bucket)?;
            let record = tables.object(&bucket, &key)?;
            let info = record
                .and_then(Record::refreshed)
                .ok_or_else(|| no_such_key(&bucket, &key))?
                .into_info(&key, &bodies);
            match File::open(&info.body) {
                Ok(file) => Ok(Some(Opened { info, file })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(StoreError::io("open", &info.body)(error)),
            }
        })
        .await
    }

    /// Creates an object from a complete body.
    pub(crate) async fn put(
        &self,
        bucket: &str,
        key: &str,
        new: NewObject,
        condition: WriteCondition,
    ) -> Result<ObjectInfo, StoreError> {
        check_key(key)?;
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let (bodies, etags) = (self.bodies().to_owned(), self.etags());
        self.change(move |tables| insert(tables, &bodies, &bucket, &key, new, &condition, etags))
            .await
    }

    /// Copies the body of an opened object.
    pub(crate) async fn duplicate(&self, original: Opened) -> Result<NewBody, StoreError> {
        let bodies = self.bodies().to_owned();
        blocking(move || {
            if original.info.adopted {
                // An adopted file may change; its copy must not.
                bodies::concatenate(&bodies, &[original.info.body])
            } else {
                bodies::link(&bodies, &original.info.body)
            }
        })
        .await
    }

    /// Deletes each of `keys` that meets `condition`. Missing keys count as deleted.
    pub(crate) async fn delete(
        &self,
        bucket: &str,
        keys: Vec<String>,
        condition: WriteCondition,
    ) -> Result<(), StoreError> {
        let bucket = bucket.to_owned();
        let bodies = self.bodies().to_owned();
        self.change(move |tables| {
            tables.require_bucket(&bucket)?;
            let mut unlink = Vec::new();
            for key in &keys {
                if let Some(record) = tables.object(&bucket, key)? {
                    condition.check(&bucket, key, Some(&record))?;
                    unlink.extend(stored_path(&bodies, &record));
                    tables.remove_object(&bucket, key)?;
                }
            }
            Ok(Changed {
                value: (),
                after: AfterCommit {
                    unlink,
                    ..AfterCommit::default()
                },
            })
        })
        .await
    }
}

pub(super) fn check_key(key: &str) -> Result<(), StoreError> {
    match key.len() {
        1..=MAX_KEY_BYTES => Ok(()),
        bytes => Err(StoreError::KeyLength(bytes)),
    }
}

fn no_such_key(bucket: &str, key: &str) -> StoreError {
    StoreError::NoSuchKey {
        bucket: bucket.into(),
        key: key.into(),
    }
}

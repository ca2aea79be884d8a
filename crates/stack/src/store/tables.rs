//! The tables of the metadata database, with typed access in a transaction.

use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::records::{Part, Record, Upload, UploadId};

/// Bucket → creation time in milliseconds since the Unix epoch.
const BUCKETS: TableDefinition<'_, &str, u64> = TableDefinition::new("buckets");
/// (Bucket, key) → [`Record`]. Sorted by the bytes of the key, as S3 lists.
const OBJECTS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("objects");
/// Upload id → [`Upload`].
const UPLOADS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("uploads");
/// (Upload id, part number) → [`Part`].
const PARTS: TableDefinition<'_, (&str, u32), &[u8]> = TableDefinition::new("parts");

/// The tables of a transaction. `B`, `O`, `U` and `P` are redb's tables, either for reading or for
/// writing.
pub(crate) struct Tables<B, O, U, P> {
    buckets: B,
    pub(crate) objects: O,
    uploads: U,
    parts: P,
}

pub(crate) type WriteTables<'t> = Tables<
    Table<'t, &'static str, u64>,
    Table<'t, (&'static str, &'static str), &'static [u8]>,
    Table<'t, &'static str, &'static [u8]>,
    Table<'t, (&'static str, u32), &'static [u8]>,
>;

pub(crate) type ReadTables = Tables<
    redb::ReadOnlyTable<&'static str, u64>,
    redb::ReadOnlyTable<(&'static str, &'static str), &'static [u8]>,
    redb::ReadOnlyTable<&'static str, &'static [u8]>,
    redb::ReadOnlyTable<(&'static str, u32), &'static [u8]>,
>;

impl<'t> WriteTables<'t> {
    pub(crate) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::TableError> {
        Ok(Self {
            buckets: transaction.open_table(BUCKETS)?,
            objects: transaction.open_table(OBJECTS)?,
            uploads: transaction.open_table(UPLOADS)?,
            parts: transaction.open_table(PARTS)?,
        })
    }

    pub(crate) fn put_bucket(&mut self, bucket: &str, created_ms: u64) -> Result<(), StoreError> {
        self.buckets.insert(bucket, created_ms)?;
        Ok(())
    }

    pub(crate) fn remove_bucket(&mut self, bucket: &str) -> Result<(), StoreError> {
        self.buckets.remove(bucket)?;
        Ok(())
    }

    pub(crate) fn put_object(
        &mut self,
        bucket: &str,
        key: &str,
        record: &Record,
    ) -> Result<(), StoreError> {
        self.objects
            .insert((bucket, key), encode(record)?.as_slice())?;
        Ok(())
    }

    pub(crate) fn remove_object(&mut self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.objects.remove((bucket, key))?;
        Ok(())
    }

    pub(crate) fn put_upload(&mut self, id: &str, upload: &Upload) -> Result<(), StoreError> {
        self.uploads.insert(id, encode(upload)?.as_slice())?;
        Ok(())
    }

    pub(crate) fn put_part(
        &mut self,
        id: &str,
        number: u32,
        part: &Part,
    ) -> Result<(), StoreError> {
        self.parts.insert((id, number), encode(part)?.as_slice())?;
        Ok(())
    }

    /// Removes an upload and returns its parts.
    pub(crate) fn remove_upload(&mut self, id: &str) -> Result<Vec<(u32, Part)>, StoreError> {
        let parts = self.parts_of(id)?;
        for (number, _) in &parts {
            self.parts.remove((id, *number))?;
        }
        self.uploads.remove(id)?;
        Ok(parts)
    }
}

impl ReadTables {
    pub(crate) fn open(transaction: &ReadTransaction) -> Result<Self, redb::TableError> {
        Ok(Self {
            buckets: transaction.open_table(BUCKETS)?,
            objects: transaction.open_table(OBJECTS)?,
            uploads: transaction.open_table(UPLOADS)?,
            parts: transaction.open_table(PARTS)?,
        })
    }
}

impl<B, O, U, P> Tables<B, O, U, P>
where
    B: ReadableTable<&'static str, u64>,
    O: ReadableTable<(&'static str, &'static str), &'static [u8]>,
    U: ReadableTable<&'static str, &'static [u8]>,
    P: ReadableTable<(&'static str, u32), &'static [u8]>,
{
    /// All buckets with their creation times, sorted by name.
    pub(crate) fn buckets(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let buckets = self.buckets.iter()?.map(|entry| {
            let (name, created_ms) = entry?;
            Ok((name.value().to_owned(), created_ms.value()))
        });
        buckets.collect()
    }

    pub(crate) fn has_bucket(&self, bucket: &str) -> Result<bool, StoreError> {
        Ok(self.buckets.get(bucket)?.is_some())
    }

    pub(crate) fn require_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        if self.has_bucket(bucket)? {
            Ok(())
        } else {
            Err(StoreError::NoSuchBucket(bucket.into()))
        }
    }

    pub(crate) fn object(&self, bucket: &str, key: &str) -> Result<Option<Record>, StoreError> {
        let value = self.objects.get((bucket, key))?;
        value.map(|value| decode(value.value())).transpose()
    }

    /// All objects of all buckets.
    pub(crate) fn all_objects(&self) -> Result<Vec<(String, String, Record)>, StoreError> {
        let objects = self.objects.iter()?.map(|entry| {
            let (name, value) = entry?;
            let (bucket, key) = name.value();
            Ok((bucket.into(), key.into(), decode(value.value())?))
        });
        objects.collect()
    }

    /// The upload, if it exists and is for this object.
    pub(crate) fn upload(&self, name: &UploadId) -> Result<Upload, StoreError> {
        let no_such_upload = || StoreError::NoSuchUpload(name.id.clone());
        let value = self.uploads.get(name.id.as_str())?;
        let upload: Upload = decode(value.ok_or_else(no_such_upload)?.value())?;
        if upload.bucket == name.bucket && upload.key == name.key {
            Ok(upload)
        } else {
            Err(no_such_upload())
        }
    }

    /// All uploads in progress, sorted by id.
    pub(crate) fn uploads(&self) -> Result<Vec<(String, Upload)>, StoreError> {
        let uploads = self.uploads.iter()?.map(|entry| {
            let (id, value) = entry?;
            Ok((id.value().to_owned(), decode(value.value())?))
        });
        uploads.collect()
    }

    pub(crate) fn part(&self, id: &str, number: u32) -> Result<Option<Part>, StoreError> {
        let value = self.parts.get((id, number))?;
        value.map(|value| decode(value.value())).transpose()
    }

    /// The parts of an upload, sorted by number.
    pub(crate) fn parts_of(&self, id: &str) -> Result<Vec<(u32, Part)>, StoreError> {
        let parts = self.parts.range((id, 0)..=(id, u32::MAX))?.map(|entry| {
            let (name, value) = entry?;
            Ok((name.value().1, decode(value.value())?))
        });
        parts.collect()
    }

    /// The body file names of all parts.
    pub(crate) fn part_bodies(&self) -> Result<Vec<String>, StoreError> {
        let bodies = self.parts.iter()?.map(|entry| {
            let (_, value) = entry?;
            Ok(decode::<Part>(value.value())?.body)
        });
        bodies.collect()
    }
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(StoreError::Record)
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(StoreError::Record)
}

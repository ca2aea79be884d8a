//! Opens a data directory, and cleans up after a crash.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use redb::{Database, DatabaseError};

use super::StoreError;
use super::bodies;
use super::records::Body;
use super::tables::WriteTables;

/// The database's cache limit, in bytes. A record has some hundred bytes.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// Opens or creates the database, drops objects whose bodies were lost in a power cut, and removes
/// unreferenced bodies.
pub(crate) fn open(data_dir: &Path, bodies_dir: &Path) -> Result<Database, StoreError> {
    fs::create_dir_all(bodies_dir).map_err(StoreError::io("create", bodies_dir))?;
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(data_dir.join("metadata.redb"))
        .map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(data_dir.to_owned()),
            error => error.into(),
        })?;
    let mut named = HashSet::new();
    let transaction = database.begin_write()?;
    {
        // Opening tables for writing creates them, so that readers find them.
        let mut tables = WriteTables::open(&transaction)?;
        for (bucket, key, record) in tables.all_objects()? {
            let Body::Stored(id) = record.body else {
                continue;
            };
            let on_disk = fs::metadata(bodies_dir.join(&id)).map(|metadata| metadata.len());
            if on_disk.as_ref().is_ok_and(|bytes| *bytes == record.bytes) {
                named.insert(id);
            } else {
                tracing::warn!(bucket, key, "the object's body is not whole: dropped");
                tables.remove_object(&bucket, &key)?;
            }
        }
        named.extend(tables.part_bodies()?);
    }
    transaction.commit()?;
    bodies::sweep(bodies_dir, &named)?;
    Ok(database)
}

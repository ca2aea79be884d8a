//! Creates, lists and deletes buckets.

use std::time::SystemTime;

use super::StoreError;
use super::handle::Store;
use super::insert::done;
use super::listing::{self, Query};
use super::records::{from_millis, now_millis};

impl Store {
    /// Creates a bucket, unless it exists.
    ///
    /// # Errors
    /// S3 does not allow the name, or the database fails.
    pub async fn create_bucket(&self, name: &str) -> Result<(), StoreError> {
        if !s3s::path::check_bucket_name(name) {
            return Err(StoreError::InvalidBucketName(name.into()));
        }
        let name = name.to_owned();
        self.change(move |tables| {
            if !tables.has_bucket(&name)? {
                tables.put_bucket(&name, now_millis())?;
            }
            Ok(done(()))
        })
        .await
    }

    /// All buckets with their creation times, sorted by name.
    pub(crate) async fn buckets(&self) -> Result<Vec<(String, SystemTime)>, StoreError> {
        let buckets = self.read(|tables| tables.buckets()).await?;
        Ok(buckets
            .into_iter()
            .map(|(name, created_ms)| (name, from_millis(created_ms)))
            .collect())
    }

    pub(crate) async fn require_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        let bucket = bucket.to_owned();
        self.read(move |tables| tables.require_bucket(&bucket))
            .await
    }

    pub(crate) async fn delete_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        let bucket = bucket.to_owned();
        self.change(move |tables| {
            tables.require_bucket(&bucket)?;
            let one = Query {
                max: 1,
                ..Query::default()
            };
            if !listing::list(&tables.objects, &bucket, &one)?
                .entries
                .is_empty()
            {
                return Err(StoreError::BucketNotEmpty(bucket));
            }
            tables.remove_bucket(&bucket)?;
            Ok(done(()))
        })
        .await
    }
}

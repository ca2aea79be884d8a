//! Uploads the outputs of a slice.

use std::path::PathBuf;

use aws_sdk_s3::{Client, error::DisplayErrorContext, primitives::ByteStream};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::Interrupted;

/// Uploads under way at once.
const CONCURRENT_UPLOADS: usize = 16;

/// A source can be replaced, and its previews with it: caches ask again after an hour.
const CACHE_CONTROL: &str = "max-age=3600";

/// One file to upload.
#[derive(Debug)]
pub struct Upload {
    /// The file.
    pub file: PathBuf,
    /// Key of the object.
    pub key: String,
    /// Content type of the object.
    pub content_type: &'static str,
}

/// Uploads all `files` to `bucket`, several at once. No ACL is sent.
///
/// # Errors
/// At the first file that cannot be uploaded after the SDK's own retries.
pub async fn upload(s3: &Client, bucket: &str, files: Vec<Upload>) -> Result<(), Interrupted> {
    stream::iter(files)
        .map(|file| put(s3, bucket, file))
        .buffer_unordered(CONCURRENT_UPLOADS)
        .try_collect()
        .await
}

async fn put(s3: &Client, bucket: &str, upload: Upload) -> Result<(), Interrupted> {
    let failed = |reason: String| Interrupted::Upload {
        key: upload.key.clone(),
        reason,
    };
    let body = ByteStream::from_path(&upload.file)
        .await
        .map_err(|error| failed(error.to_string()))?;
    s3.put_object()
        .bucket(bucket)
        .key(&upload.key)
        .content_type(upload.content_type)
        .cache_control(CACHE_CONTROL)
        .body(body)
        .send()
        .await
        .map_err(|error| failed(DisplayErrorContext(error).to_string()))?;
    Ok(())
}

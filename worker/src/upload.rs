//! Uploads the outputs of a slice, and never over the work of a run that has begun since.
//!
//! The first time each object is written only if there is none, which is the common case and costs
//! nothing. What is there already was written by an earlier run, by a duplicate of this slice, or by
//! a later run. So the objects are listed, *then* `run.json` tells whether this run is still the
//! current one, and then each is replaced in just the version that was listed. A later run's object
//! is never replaced: either it changes the version, or its run is current by then.
//!
//! One thing escapes that: versions are ETags, which tell contents and not writes. If a source is
//! replaced and then put back, and a worker of the run in between sleeps between its look and its
//! write for all that time, it can replace what the third run wrote with the very bytes that it had
//! seen. The settling worker, and `gifgen status --verify`, see that.

use std::{collections::BTreeMap, path::PathBuf};

use aws_sdk_s3::primitives::ByteStream;
use futures::{StreamExt, TryStreamExt, stream};
use gifgen_ledger::{
    bucket::{Bucket, New, When},
    made::Object,
    run::Run,
};
use gifgen_shared::source::Source;

use crate::error::{Interrupted, SliceError, Unrenderable};

/// Uploads under way at once.
const CONCURRENT_UPLOADS: usize = 16;

/// How often objects that others keep changing are tried.
const ROUNDS: u32 = 8;

/// One file to upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The file.
    pub file: PathBuf,
    /// Key of the object.
    pub key: String,
    /// Content type of the object.
    pub content_type: &'static str,
}

/// Uploads all `files` of `source`, several at once, and says what was uploaded, in the order of
/// the keys. Without a `run`, the source must have none.
///
/// # Errors
/// At the first file that cannot be uploaded after the SDK's own retries; and
/// [`Unrenderable::Superseded`] if objects are there and another run is current.
pub async fn upload(
    bucket: &Bucket,
    files: &[Upload],
    source: &Source,
    run: Option<&Run>,
) -> Result<Vec<Object>, SliceError> {
    let mut pending: Vec<(&Upload, When)> = if run.is_some_and(|run| run.run > 1) {
        // An earlier run has left its objects: to try without them would be in vain.
        as_they_are(bucket, files.iter().collect(), source, run).await?
    } else {
        files.iter().map(|file| (file, When::Absent)).collect()
    };
    let mut done = BTreeMap::new();
    for _ in 0..ROUNDS {
        let puts: Vec<_> = (pending.into_iter())
            .map(|(file, when)| put(bucket, file, when))
            .collect();
        let mut puts = stream::iter(puts).buffer_unordered(CONCURRENT_UPLOADS);
        let mut lost = Vec::new();
        while let Some(put) = puts.try_next().await? {
            match put {
                Put::Done(object) => drop(done.insert(object.key.clone(), object)),
                Put::Lost(file) => lost.push(file),
            }
        }
        if lost.is_empty() {
            return Ok(done.into_values().collect());
        }
        pending = as_they_are(bucket, lost, source, run).await?;
    }
    Err(Interrupted::Contended { rounds: ROUNDS }.into())
}

/// The files with the versions that their objects have now, seen before a look at `run.json` that
/// shows the run as current.
async fn as_they_are<'a>(
    bucket: &Bucket,
    files: Vec<&'a Upload>,
    source: &Source,
    run: Option<&Run>,
) -> Result<Vec<(&'a Upload, When)>, SliceError> {
    let there = bucket
        .those(files.iter().map(|file| file.key.as_str()))
        .await?;
    let current = Run::current(bucket, &source.key).await?;
    let is_current = match (&current, run) {
        (Some((current, _)), Some(run)) => current.is(run),
        (None, None) => true,
        _ => false,
    };
    if !is_current {
        return Err(Unrenderable::Superseded(source.clone()).into());
    }
    let versions = files.into_iter().map(|file| {
        let version = there.get(&file.key).map(|listed| &listed.etag);
        (file, When::unchanged(version))
    });
    Ok(versions.collect())
}

/// What became of an upload.
enum Put<'a> {
    Done(Object),
    /// The object was not in the version that was wanted.
    Lost(&'a Upload),
}

async fn put<'a>(bucket: &Bucket, upload: &'a Upload, when: When) -> Result<Put<'a>, Interrupted> {
    let unreadable = |reason: String| Interrupted::Upload {
        key: upload.key.clone(),
        reason,
    };
    let metadata = tokio::fs::metadata(&upload.file).await;
    let bytes = metadata
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    let body = ByteStream::from_path(&upload.file).await;
    let new = New {
        key: upload.key.clone(),
        body: body.map_err(|error| unreadable(error.to_string()))?,
        content_type: upload.content_type,
        cached: true,
    };
    Ok(match bucket.put(new, &when).await? {
        Some(etag) => Put::Done(Object {
            key: upload.key.clone(),
            bytes,
            etag,
        }),
        None => Put::Lost(upload),
    })
}

//! Uploads the outputs of a slice. Objects of a later run are never overwritten.
//!
//! At first each object is written on condition that none exists. This is the common case and costs
//! nothing. An object that exists was written by an earlier run, by a duplicate of this slice, or by
//! a later run. So the worker lists the objects, *then* reads `run.json` to see whether its run is
//! still current, and then each object is
//! - **adopted**, if another worker of this run has written the same content. S3 tells this by the
//!   mark and the checksum in the object's metadata. So two workers of one slice name the same
//!   objects in their receipts, even where the same bytes get another ETag at each write;
//! - or else **replaced**, on condition that it still has the listed version. This never replaces an
//!   object of a later run: either that run has changed the version, or it was current when
//!   `run.json` was read. Objects of an earlier run are always replaced, even by the same bytes.
//!
//! One case is not covered, and only where an ETag is a hash of the content. Suppose that a source is
//! replaced and then put back, so that there are three runs, and that a worker of the second run
//! sleeps between its listing and its write for all that time. It can replace an object of the third
//! run: if the first run's bytes are the third run's, the version is the one that it listed. The
//! completing worker and `gifgen status --verify` find that.

use std::{collections::BTreeMap, path::PathBuf};

use aws_sdk_s3::primitives::ByteStream;
use futures::{StreamExt, TryStreamExt, stream};
use gifgen_function::TransientError;
use gifgen_ledger::{Bucket, Ledger, Object, Precondition, PutRequest, Race, Run, Seen, Sha256};
use gifgen_shared::{ETag, Source, blocking::blocking};

use crate::error::{JobError, PermanentError};

/// Uploads under way at once.
const CONCURRENT_UPLOADS: usize = 16;

/// How often an upload is repeated if others keep changing the objects.
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

/// A file with its size and checksum.
#[derive(Clone, Debug)]
struct Content<'a> {
    upload: &'a Upload,
    bytes: u64,
    sha256: Sha256,
}

/// The next step for a file.
enum Step<'a> {
    Put(Content<'a>, Precondition),
    /// Another worker has written the object.
    Adopt(Object),
}

/// Uploads all `files` of `source`, several at once, and returns the objects in the order of their
/// keys. Without a `run`, the source must have none.
///
/// # Errors
/// At the first file that cannot be uploaded after the client's own retries; and
/// [`PermanentError::Superseded`] if objects are there and another run is current.
pub async fn upload(
    ledger: &Ledger,
    files: &[Upload],
    source: &Source,
    run: Option<&Run>,
) -> Result<Vec<Object>, JobError> {
    let contents: Vec<_> = files.iter().map(content).collect();
    let contents = stream::iter(contents).buffer_unordered(CONCURRENT_UPLOADS);
    let contents: Vec<Content<'_>> = contents.try_collect().await?;
    let mut pending: Vec<Step<'_>> = if run.is_some_and(|run| run.run > 1) {
        // An earlier run has left its objects, so "none exists" would fail.
        steps_for_existing(ledger, contents, source, run).await?
    } else {
        let absent = |content| Step::Put(content, Precondition::Absent);
        contents.into_iter().map(absent).collect()
    };
    let mut done = BTreeMap::new();
    for _ in 0..ROUNDS {
        let steps: Vec<_> = (pending.into_iter())
            .map(|step| take(&ledger.bucket, step, run))
            .collect();
        let mut steps = stream::iter(steps).buffer_unordered(CONCURRENT_UPLOADS);
        let mut lost = Vec::new();
        while let Some(taken) = steps.try_next().await? {
            match taken {
                Taken::Done(object) => drop(done.insert(object.key.clone(), object)),
                Taken::Lost(content) => lost.push(content),
            }
        }
        if lost.is_empty() {
            return Ok(done.into_values().collect());
        }
        pending = steps_for_existing(ledger, lost, source, run).await?;
    }
    Err(TransientError::Contended { rounds: ROUNDS }.into())
}

async fn content(upload: &Upload) -> Result<Content<'_>, TransientError> {
    let file = upload.file.clone();
    let sum = blocking(move || Sha256::of_file(&file)).await;
    let (sha256, bytes) = sum.map_err(|error| upload.unreadable(error))?;
    Ok(Content {
        upload,
        bytes,
        sha256,
    })
}

/// The steps for files whose objects may exist: lists the objects, then makes sure that the run is
/// current.
async fn steps_for_existing<'a>(
    ledger: &Ledger,
    contents: Vec<Content<'a>>,
    source: &Source,
    run: Option<&Run>,
) -> Result<Vec<Step<'a>>, JobError> {
    let keys = contents.iter().map(|content| content.upload.key.as_str());
    let bucket = &ledger.bucket;
    let existing = bucket.found_among(keys).await?;
    let current = ledger.current_run(&source.key).await?;
    let is_current = match (&current, run) {
        (Some((current, _)), Some(run)) => current.is(run),
        (None, None) => true,
        _ => false,
    };
    if !is_current {
        return Err(PermanentError::Superseded(source.clone()).into());
    }
    let steps = contents.into_iter().map(|content| {
        let listed = existing.get(&content.upload.key);
        async move {
            let Some(listed) = listed else {
                return Ok(Step::Put(content, Precondition::Absent));
            };
            let own = content.as_of(run);
            let same = listed.bytes == content.bytes
                && own.is_some()
                && bucket.inspect(&content.upload.key, &listed.etag).await? == own;
            Ok(if same {
                Step::Adopt(content.object(listed.etag.clone()))
            } else {
                Step::Put(content, Precondition::Is(listed.etag.clone()))
            })
        }
    });
    let steps: Vec<_> = steps.collect();
    stream::iter(steps)
        .buffer_unordered(CONCURRENT_UPLOADS)
        .try_collect()
        .await
}

/// The result of a step.
enum Taken<'a> {
    Done(Object),
    /// The object was not in the version that was wanted.
    Lost(Content<'a>),
}

async fn take<'a>(
    bucket: &Bucket,
    step: Step<'a>,
    run: Option<&Run>,
) -> Result<Taken<'a>, TransientError> {
    let (content, when) = match step {
        Step::Adopt(object) => return Ok(Taken::Done(object)),
        Step::Put(content, when) => (content, when),
    };
    let upload = content.upload;
    let body = ByteStream::from_path(&upload.file).await;
    let new = PutRequest {
        key: upload.key.clone(),
        body: body.map_err(|error| upload.unreadable(error))?,
        sha256: content.sha256.clone(),
        content_type: upload.content_type,
        cached: true,
        mark: run.map(Run::mark),
    };
    Ok(match bucket.put(new, &when).await? {
        Race::Won(etag) => Taken::Done(content.object(etag)),
        Race::Lost => Taken::Lost(content),
    })
}

impl Content<'_> {
    /// What S3 says of it where another worker of `run` has written it. Without a run nobody has.
    fn as_of(&self, run: Option<&Run>) -> Option<Seen> {
        Some(Seen {
            sha256: Some(self.sha256.clone()),
            mark: Some(run?.mark()),
        })
    }

    /// Its object, in this version.
    fn object(&self, etag: ETag) -> Object {
        Object {
            key: self.upload.key.clone(),
            bytes: self.bytes,
            etag,
            sha256: Some(self.sha256.clone()),
        }
    }
}

impl Upload {
    fn unreadable(&self, error: impl std::fmt::Display) -> TransientError {
        TransientError::Upload {
            key: self.key.clone(),
            reason: error.to_string(),
        }
    }
}

//! CreateBucket, DeleteBucket, PutObject, CopyObject, DeleteObject and DeleteObjects.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::checksums::{Claims, stored_checksums, with_checksums};
use super::conditions::{self, ReadConditions, Verdict};
use super::headers::{self, etag, timestamp};
use crate::ids::hex;
use crate::store::{NewObject, Reason, Received, Store, StoreError, WriteCondition, receive};

pub(super) async fn create_bucket(
    store: &Store,
    request: S3Request<CreateBucketInput>,
) -> S3Result<CreateBucketOutput> {
    let bucket = request.input.bucket;
    store.create_bucket(&bucket).await?;
    Ok(CreateBucketOutput {
        location: Some(format!("/{bucket}")),
    })
}

pub(super) async fn delete_bucket(
    store: &Store,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<DeleteBucketOutput> {
    store.delete_bucket(&request.input.bucket).await?;
    Ok(DeleteBucketOutput::default())
}

pub(super) async fn put_object(
    store: &Store,
    request: S3Request<PutObjectInput>,
) -> S3Result<PutObjectOutput> {
    let mut input = request.input;
    if input.write_offset_bytes.is_some() {
        return Err(s3_error!(NotImplemented, "appending is not available here"));
    }
    let condition = conditions::of_write(input.if_match.take(), input.if_none_match.take())?;
    // Checked first, to avoid receiving gigabytes in vain.
    store.require_bucket(&input.bucket).await?;
    let (content_type, headers) = headers::of_put(&mut input);
    let claims = Claims {
        md5: input.content_md5,
        sums: with_checksums!(Checksum, input),
        algorithm: input.checksum_algorithm.map(|name| name.as_str().into()),
        trailers: request.trailing_headers,
    };
    let received = take_body(store, input.body, &claims).await?;
    let found = received.checksum;
    let new = NewObject {
        body: received.body,
        bytes: received.bytes,
        etag: hex(&received.md5),
        content_type,
        headers,
        checksums: stored_checksums(&found),
        reason: Reason::PutObject,
    };
    let info = store.put(&input.bucket, &input.key, new, condition).await?;
    Ok(PutObjectOutput {
        e_tag: Some(etag(&info.etag)),
        ..with_checksums!(PutObjectOutput, found)
    })
}

/// Receives a body and checks it against the client's checksums.
pub(super) async fn take_body(
    store: &Store,
    body: Option<StreamingBlob>,
    claims: &Claims,
) -> S3Result<Received> {
    let body = body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
    let received = receive(store.bodies(), body, claims.hasher()).await?;
    claims.check(&received)?;
    Ok(received)
}

pub(super) async fn copy_object(
    store: &Store,
    request: S3Request<CopyObjectInput>,
) -> S3Result<CopyObjectOutput> {
    let mut input = request.input;
    let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
        return Err(s3_error!(
            NotImplemented,
            "a copy is made from a bucket here"
        ));
    };
    let original = store.open_object(bucket, key).await?;
    let conditions = ReadConditions {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let info = original.info.clone();
    if conditions.evaluate(&info.etag, info.last_modified) != Verdict::Send {
        // A copy has no "not modified" answer.
        return Err(StoreError::PreconditionFailed.into());
    }
    let replaces = (input.metadata_directive.as_ref())
        .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    let (content_type, headers) = if replaces {
        headers::of_copy(&mut input)
    } else {
        (info.content_type, info.headers)
    };
    let new = NewObject {
        body: store.duplicate(original).await?,
        bytes: info.bytes,
        etag: info.etag,
        content_type,
        headers,
        checksums: info.checksums,
        reason: Reason::CopyObject,
    };
    let info = store
        .put(&input.bucket, &input.key, new, WriteCondition::Always)
        .await?;
    Ok(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(etag(&info.etag)),
            last_modified: Some(timestamp(info.last_modified)),
            ..CopyObjectResult::default()
        }),
        ..CopyObjectOutput::default()
    })
}

pub(super) async fn delete_object(
    store: &Store,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let input = request.input;
    let condition = conditions::of_write(input.if_match, None)?;
    store
        .delete(&input.bucket, vec![input.key], condition)
        .await?;
    Ok(DeleteObjectOutput::default())
}

pub(super) async fn delete_objects(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    let input = request.input;
    let keys: Vec<_> = (input.delete.objects.into_iter())
        .map(|object| object.key)
        .collect();
    store
        .delete(&input.bucket, keys.clone(), WriteCondition::Always)
        .await?;
    let named = |key| DeletedObject {
        key: Some(key),
        ..DeletedObject::default()
    };
    let quiet = input.delete.quiet.unwrap_or(false);
    Ok(DeleteObjectsOutput {
        deleted: (!quiet).then(|| keys.into_iter().map(named).collect()),
        ..DeleteObjectsOutput::default()
    })
}

//! Multipart uploads.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::checksums::{Claims, with_checksums};
use super::conditions;
use super::headers::{self, etag, timestamp};
use super::write::take_body;
use crate::ids::hex;
use crate::store::{CompletePart, Store, UploadId, from_millis};

/// Valid part numbers.
const PART_NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;
/// Most parts or uploads in a page.
const MAX_LISTED: i32 = 1000;

pub(super) async fn create_multipart_upload(
    store: &Store,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    let mut input = request.input;
    let (content_type, headers) = headers::of_upload(&mut input);
    let id = store
        .create_upload(&input.bucket, &input.key, content_type, headers)
        .await?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        ..CreateMultipartUploadOutput::default()
    })
}

pub(super) async fn upload_part(
    store: &Store,
    request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let input = request.input;
    let number = part_number(input.part_number)?;
    let upload = upload_id(input.bucket, input.key, input.upload_id);
    store.require_upload(upload.clone()).await?;
    let claims = Claims {
        md5: input.content_md5,
        sums: with_checksums!(Checksum, input),
        algorithm: input.checksum_algorithm.map(|name| name.as_str().into()),
        trailers: request.trailing_headers,
    };
    let received = take_body(store, input.body, &claims).await?;
    let found = received.checksum.clone();
    let part_etag = store.put_part(upload, number, received).await?;
    Ok(UploadPartOutput {
        e_tag: Some(etag(&part_etag)),
        ..with_checksums!(UploadPartOutput, found)
    })
}

pub(super) async fn complete_multipart_upload(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let input = request.input;
    let condition = conditions::of_write(input.if_match, input.if_none_match)?;
    let parts = input.multipart_upload.and_then(|upload| upload.parts);
    let parts = (parts.unwrap_or_default().into_iter())
        .map(|part| {
            let number = part.part_number.ok_or_else(|| s3_error!(MalformedXML))?;
            Ok(CompletePart {
                number: part_number(number)?,
                etag: part.e_tag.map(ETag::into_value),
            })
        })
        .collect::<S3Result<Vec<_>>>()?;
    let upload = upload_id(input.bucket.clone(), input.key.clone(), input.upload_id);
    let info = store.complete_upload(upload, parts, condition).await?;
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(etag(&info.etag)),
        ..CompleteMultipartUploadOutput::default()
    })
}

pub(super) async fn abort_multipart_upload(
    store: &Store,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<AbortMultipartUploadOutput> {
    let input = request.input;
    let upload = upload_id(input.bucket, input.key, input.upload_id);
    store.abort_upload(upload).await?;
    Ok(AbortMultipartUploadOutput::default())
}

pub(super) async fn list_parts(
    store: &Store,
    request: S3Request<ListPartsInput>,
) -> S3Result<ListPartsOutput> {
    let input = request.input;
    let max = page_size(input.max_parts)?;
    let after = input.part_number_marker.unwrap_or(0);
    let upload = upload_id(input.bucket, input.key, input.upload_id);
    let parts = store.parts(upload.clone()).await?;
    let mut parts: Vec<_> = (parts.into_iter())
        .filter_map(|(number, part)| {
            let number = i32::try_from(number)
                .ok()
                .filter(|number| *number > after)?;
            Some(Part {
                part_number: Some(number),
                size: i64::try_from(part.bytes).ok(),
                e_tag: Some(etag(&hex(&part.md5))),
                last_modified: Some(timestamp(from_millis(part.modified_ms))),
                ..Part::default()
            })
        })
        .collect();
    let is_truncated = parts.len() > max;
    parts.truncate(max);
    let last = parts.last().and_then(|part| part.part_number);
    Ok(ListPartsOutput {
        bucket: Some(upload.bucket),
        key: Some(upload.key),
        upload_id: Some(upload.id),
        max_parts: i32::try_from(max).ok(),
        part_number_marker: Some(after),
        next_part_number_marker: last.filter(|_| is_truncated),
        is_truncated: Some(is_truncated),
        parts: Some(parts),
        ..ListPartsOutput::default()
    })
}

pub(super) async fn list_multipart_uploads(
    store: &Store,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<ListMultipartUploadsOutput> {
    let input = request.input;
    if input.delimiter.is_some() || input.key_marker.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "uploads are listed in one page and without a delimiter here"
        ));
    }
    let prefix = input.prefix.unwrap_or_default();
    let uploads = store.uploads(&input.bucket, &prefix).await?.into_iter();
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: Some(prefix),
        is_truncated: Some(false),
        uploads: Some(
            uploads
                .map(|(id, upload)| MultipartUpload {
                    upload_id: Some(id),
                    key: Some(upload.key),
                    initiated: Some(timestamp(from_millis(upload.initiated_ms))),
                    ..MultipartUpload::default()
                })
                .collect(),
        ),
        ..ListMultipartUploadsOutput::default()
    })
}

fn upload_id(bucket: String, key: String, id: String) -> UploadId {
    UploadId { bucket, key, id }
}

fn part_number(number: i32) -> S3Result<u32> {
    u32::try_from(number)
        .ok()
        .filter(|_| PART_NUMBERS.contains(&number))
        .ok_or_else(|| s3_error!(InvalidArgument, "part numbers go from 1 to 10000"))
}

fn page_size(wanted: Option<i32>) -> S3Result<usize> {
    usize::try_from(wanted.unwrap_or(MAX_LISTED).min(MAX_LISTED))
        .map_err(|error| s3_error!(error, InvalidArgument, "the page size is negative"))
}

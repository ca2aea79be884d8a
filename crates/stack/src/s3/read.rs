//! HeadBucket, GetObject and HeadObject.

use s3s::dto::*;
use s3s::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::checksums::{requested_checksums, with_checksums};
use super::conditions::{ReadConditions, Verdict};
use super::headers::{DEFAULT_CONTENT_TYPE, etag, expires, timestamp};
use super::stream::FileStream;
use crate::bus::REGION;
use crate::store::{ObjectInfo, Opened, Store};

pub(super) async fn head_bucket(
    store: &Store,
    request: S3Request<HeadBucketInput>,
) -> S3Result<HeadBucketOutput> {
    store.require_bucket(&request.input.bucket).await?;
    Ok(HeadBucketOutput {
        bucket_region: Some(REGION.into()),
        ..HeadBucketOutput::default()
    })
}

pub(super) async fn get_bucket_location(
    store: &Store,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<GetBucketLocationOutput> {
    store.require_bucket(&request.input.bucket).await?;
    // The location constraint of us-east-1 is empty.
    Ok(GetBucketLocationOutput::default())
}

/// Checks the request `$input`, and gives the object's file, the byte range to send, and the answer
/// without a body. GET and HEAD have the same fields, in two types of s3s each.
macro_rules! described {
    ($store:ident, $input:ident, $Output:ident) => {{
        if $input.part_number.is_some() {
            return Err(s3_error!(
                NotImplemented,
                "partNumber is not available here"
            ));
        }
        let opened = $store.open_object(&$input.bucket, &$input.key).await?;
        let Opened { info, file } = opened;
        let conditions = ReadConditions {
            if_match: $input.if_match,
            if_none_match: $input.if_none_match,
            if_modified_since: $input.if_modified_since,
            if_unmodified_since: $input.if_unmodified_since,
        };
        require(&conditions, &info)?;
        let (range, content_range) = part_to_send($input.range.as_ref(), info.bytes)?;
        let sums = requested_checksums(&info.checksums, $input.checksum_mode.as_ref());
        let output = $Output {
            accept_ranges: Some("bytes".into()),
            content_length: Some(length(range.end - range.start)?),
            content_range,
            e_tag: Some(etag(&info.etag)),
            last_modified: Some(timestamp(info.last_modified)),
            expires: expires(&info.headers),
            content_type: Some(content_type(&info)),
            cache_control: info.headers.cache_control,
            content_disposition: info.headers.content_disposition,
            content_encoding: info.headers.content_encoding,
            content_language: info.headers.content_language,
            metadata: Some(info.headers.metadata.into_iter().collect()),
            ..with_checksums!($Output, sums)
        };
        (file, range, output)
    }};
}

pub(super) async fn get_object(
    store: &Store,
    request: S3Request<GetObjectInput>,
) -> S3Result<GetObjectOutput> {
    let mut input = request.input;
    if input.range.is_some() {
        // Checksums are of the whole object; a client would compare them with the part.
        input.checksum_mode = None;
    }
    let (file, range, output) = described!(store, input, GetObjectOutput);
    Ok(GetObjectOutput {
        body: Some(StreamingBlob::new(FileStream::new(file, range))),
        ..output
    })
}

pub(super) async fn head_object(
    store: &Store,
    request: S3Request<HeadObjectInput>,
) -> S3Result<HeadObjectOutput> {
    let input = request.input;
    let (_, _, output) = described!(store, input, HeadObjectOutput);
    Ok(output)
}

fn require(conditions: &ReadConditions, info: &ObjectInfo) -> S3Result<()> {
    match conditions.evaluate(&info.etag, info.last_modified) {
        Verdict::Send => Ok(()),
        Verdict::Failed => Err(s3_error!(
            PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold"
        )),
        Verdict::NotModified => {
            let mut error = s3_error!(NotModified);
            let mut headers = hyper::HeaderMap::new();
            headers.insert(ETAG, header_value(format!("\"{}\"", info.etag))?);
            headers.insert(LAST_MODIFIED, http_date(info)?);
            error.set_headers(headers);
            Err(error)
        }
    }
}

/// The byte range to send, and its `Content-Range`.
fn part_to_send(
    range: Option<&Range>,
    bytes: u64,
) -> S3Result<(std::ops::Range<u64>, Option<String>)> {
    let Some(range) = range else {
        return Ok((0..bytes, None));
    };
    // An empty object satisfies no range.
    let satisfiable = range.check(bytes).ok().filter(|part| !part.is_empty());
    let Some(part) = satisfiable else {
        let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
        let mut headers = hyper::HeaderMap::new();
        headers.insert(CONTENT_RANGE, header_value(format!("bytes */{bytes}"))?);
        headers.insert(CONTENT_TYPE, header_value("application/xml".into())?);
        error.set_headers(headers);
        return Err(error);
    };
    let content_range = format!("bytes {}-{}/{bytes}", part.start, part.end - 1);
    Ok((part, Some(content_range)))
}

fn content_type(info: &ObjectInfo) -> String {
    (info.content_type.clone()).unwrap_or_else(|| DEFAULT_CONTENT_TYPE.into())
}

fn length(bytes: u64) -> S3Result<i64> {
    i64::try_from(bytes).map_err(S3Error::internal_error)
}

fn http_date(info: &ObjectInfo) -> S3Result<hyper::header::HeaderValue> {
    let mut text = Vec::new();
    timestamp(info.last_modified)
        .format(TimestampFormat::HttpDate, &mut text)
        .map_err(S3Error::internal_error)?;
    hyper::header::HeaderValue::from_bytes(&text).map_err(S3Error::internal_error)
}

fn header_value(text: String) -> S3Result<hyper::header::HeaderValue> {
    text.try_into().map_err(S3Error::internal_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_clamped_to_the_object_or_refused() {
        let parse = |text| Range::parse(text).unwrap();
        let part = |text, bytes| part_to_send(Some(&parse(text)), bytes).ok();
        assert_eq!(
            part("bytes=2-99", 10),
            Some((2..10, Some("bytes 2-9/10".into())))
        );
        assert_eq!(
            part("bytes=-99", 10),
            Some((0..10, Some("bytes 0-9/10".into())))
        );
        assert_eq!(part("bytes=10-", 10), None);
        assert_eq!(part("bytes=-5", 0), None);
        assert_eq!(part_to_send(None, 0).unwrap(), (0..0, None));
    }
}

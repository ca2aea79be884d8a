//! Lists buckets, and objects by ListObjects and ListObjectsV2.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::headers::{etag, timestamp};
use crate::store::{After, Entry, Query, Store, from_millis};

/// Most entries in a page.
const MAX_KEYS: i32 = 1000;
/// Characters that `encoding-type=url` encodes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'*')
    .remove(b'/');

pub(super) async fn list_buckets(
    store: &Store,
    _: S3Request<ListBucketsInput>,
) -> S3Result<ListBucketsOutput> {
    let buckets = store.buckets().await?.into_iter();
    Ok(ListBucketsOutput {
        buckets: Some(
            buckets
                .map(|(name, created)| Bucket {
                    name: Some(name),
                    creation_date: Some(timestamp(created)),
                    ..Bucket::default()
                })
                .collect(),
        ),
        ..ListBucketsOutput::default()
    })
}

pub(super) async fn list_objects_v2(
    store: &Store,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<ListObjectsV2Output> {
    let input = request.input;
    let after = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => Some(from_token(token)?),
        (None, start_after) => start_after.clone().map(After::Key),
    };
    let max_keys = max_keys(input.max_keys)?;
    let query = query(&input.prefix, &input.delimiter, after, max_keys);
    let url = input.encoding_type.as_ref().is_some_and(is_url);
    let page = store.page(&input.bucket, query).await?;
    let key_count = i32::try_from(page.entries.len()).unwrap_or(MAX_KEYS);
    let (contents, common_prefixes) = split(page.entries, url);
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encode(input.prefix.unwrap_or_default(), url)),
        delimiter: input.delimiter.map(|delimiter| encode(delimiter, url)),
        start_after: input.start_after.map(|after| encode(after, url)),
        encoding_type: input.encoding_type,
        max_keys: Some(max_keys),
        key_count: Some(key_count),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        continuation_token: input.continuation_token,
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.as_ref().map(to_token),
        ..ListObjectsV2Output::default()
    })
}

pub(super) async fn list_objects(
    store: &Store,
    request: S3Request<ListObjectsInput>,
) -> S3Result<ListObjectsOutput> {
    let input = request.input;
    let delimiter = input.delimiter.as_deref().unwrap_or_default();
    // ListObjects returns a common prefix as the marker, which then skips all keys under it.
    let after = input.marker.clone().map(|marker| {
        if !delimiter.is_empty() && marker.ends_with(delimiter) {
            After::Prefix(marker)
        } else {
            After::Key(marker)
        }
    });
    let max_keys = max_keys(input.max_keys)?;
    let query = query(&input.prefix, &input.delimiter, after, max_keys);
    let url = input.encoding_type.as_ref().is_some_and(is_url);
    let page = store.page(&input.bucket, query).await?;
    let (contents, common_prefixes) = split(page.entries, url);
    let is_truncated = page.next.is_some();
    let next_marker = page
        .next
        .map(|(After::Key(name) | After::Prefix(name))| encode(name, url));
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encode(input.prefix.unwrap_or_default(), url)),
        marker: Some(encode(input.marker.unwrap_or_default(), url)),
        // Without a delimiter, clients continue from the last key.
        next_marker: next_marker.filter(|_| input.delimiter.is_some()),
        delimiter: input.delimiter.map(|delimiter| encode(delimiter, url)),
        encoding_type: input.encoding_type,
        max_keys: Some(max_keys),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        is_truncated: Some(is_truncated),
        ..ListObjectsOutput::default()
    })
}

fn query(
    prefix: &Option<String>,
    delimiter: &Option<String>,
    after: Option<After>,
    max_keys: i32,
) -> Query {
    Query {
        prefix: prefix.clone().unwrap_or_default(),
        delimiter: delimiter.clone(),
        after,
        max: usize::try_from(max_keys).unwrap_or(0),
    }
}

fn max_keys(wanted: Option<i32>) -> S3Result<i32> {
    match wanted.unwrap_or(MAX_KEYS) {
        ..0 => Err(s3_error!(InvalidArgument, "max-keys is negative")),
        wanted => Ok(wanted.min(MAX_KEYS)),
    }
}

fn split(entries: Vec<Entry>, url: bool) -> (Vec<Object>, Vec<CommonPrefix>) {
    let mut contents = Vec::new();
    let mut common_prefixes = Vec::new();
    for entry in entries {
        match entry {
            Entry::Object(key, record) => contents.push(Object {
                key: Some(encode(key, url)),
                size: i64::try_from(record.bytes).ok(),
                e_tag: Some(etag(&record.etag)),
                last_modified: Some(timestamp(from_millis(record.modified_ms))),
                storage_class: Some(ObjectStorageClass::from_static(
                    ObjectStorageClass::STANDARD,
                )),
                ..Object::default()
            }),
            Entry::Prefix(prefix) => common_prefixes.push(CommonPrefix {
                prefix: Some(encode(prefix, url)),
            }),
        }
    }
    (contents, common_prefixes)
}

fn is_url(encoding: &EncodingType) -> bool {
    encoding.as_str() == EncodingType::URL
}

fn encode(text: String, url: bool) -> String {
    if url {
        utf8_percent_encode(&text, ENCODED).to_string()
    } else {
        text
    }
}

/// Encodes the start of a page as text that needs no URL encoding.
fn to_token(after: &After) -> String {
    let (kind, name) = match after {
        After::Key(key) => ('k', key),
        After::Prefix(prefix) => ('p', prefix),
    };
    format!("{kind}{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

fn from_token(token: &str) -> S3Result<After> {
    let read = |name| {
        percent_decode_str(name)
            .decode_utf8()
            .ok()
            .map(|name| name.into_owned())
    };
    if let Some(key) = token.strip_prefix('k').and_then(read) {
        Ok(After::Key(key))
    } else if let Some(prefix) = token.strip_prefix('p').and_then(read) {
        Ok(After::Prefix(prefix))
    } else {
        Err(s3_error!(
            InvalidArgument,
            "The continuation token provided is incorrect"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was() {
        for after in [After::Key("a b/é%\n".into()), After::Prefix("kp/".into())] {
            assert_eq!(from_token(&to_token(&after)).unwrap(), after);
        }
        assert!(from_token("nonsense").is_err());
    }
}

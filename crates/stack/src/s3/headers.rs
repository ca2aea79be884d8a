//! Headers that are stored with an object.

use std::time::SystemTime;

use s3s::dto::{CopyObjectInput, CreateMultipartUploadInput, ETag, PutObjectInput, Timestamp};

use crate::store::{ObjectHeaders, from_millis, to_millis};

/// S3's content type of an object that was uploaded without one.
pub(super) const DEFAULT_CONTENT_TYPE: &str = "application/octet-stream";

macro_rules! take_headers {
    ($($name:ident: $input:ty;)+) => {$(
        /// Takes the content type and the other stored headers out of the request.
        pub(super) fn $name(input: &mut $input) -> (Option<String>, ObjectHeaders) {
            let headers = ObjectHeaders {
                cache_control: input.cache_control.take(),
                content_disposition: input.content_disposition.take(),
                content_encoding: input.content_encoding.take(),
                content_language: input.content_language.take(),
                expires_ms: input.expires.take().map(millis),
                metadata: input.metadata.take().into_iter().flatten().collect(),
            };
            (input.content_type.take(), headers)
        }
    )+};
}

// Three types of s3s with the same fields.
take_headers! {
    of_put: PutObjectInput;
    of_copy: CopyObjectInput;
    of_upload: CreateMultipartUploadInput;
}

pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    time.into()
}

pub(super) fn expires(headers: &ObjectHeaders) -> Option<Timestamp> {
    headers
        .expires_ms
        .map(|millis| timestamp(from_millis(millis)))
}

pub(super) fn etag(unquoted: &str) -> ETag {
    ETag::Strong(unquoted.into())
}

fn millis(time: Timestamp) -> u64 {
    to_millis(s3s_time(time))
}

fn s3s_time(time: Timestamp) -> SystemTime {
    let time: time::OffsetDateTime = time.into();
    time.into()
}

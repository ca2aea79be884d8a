//! Which errors of a conditional write mean that the object is not as it was seen.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::bucket::When;

/// Whether a write failed because its condition does not hold. S3 says 412, or 404 where a version is
/// wanted and there is nothing. A 409 that stays, for all that the client sends it again with pauses
/// ([`gifgen_shared::connections`]), means that others keep writing the object.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
pub(crate) fn has_changed<E: ProvideErrorMetadata>(error: &SdkError<E>, when: &When) -> bool {
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    match status {
        Some(409 | 412) => *when != When::Always,
        Some(404) => matches!(when, When::Is(_)) && error.code() != Some("NoSuchBucket"),
        _ => false,
    }
}

//! Maps the store's errors to S3's.

use s3s::{S3Error, S3ErrorCode};

use crate::store::StoreError;

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::NoSuchBucket(_) => S3ErrorCode::NoSuchBucket,
            StoreError::InvalidBucketName(_) => S3ErrorCode::InvalidBucketName,
            StoreError::BucketNotEmpty(_) => S3ErrorCode::BucketNotEmpty,
            StoreError::NoSuchKey { .. } => S3ErrorCode::NoSuchKey,
            StoreError::KeyLength(_) => S3ErrorCode::KeyTooLongError,
            StoreError::PreconditionFailed => S3ErrorCode::PreconditionFailed,
            StoreError::NoSuchUpload(_) => S3ErrorCode::NoSuchUpload,
            StoreError::InvalidPart(_) => S3ErrorCode::InvalidPart,
            StoreError::InvalidPartOrder => S3ErrorCode::InvalidPartOrder,
            StoreError::PartTooSmall { .. } => S3ErrorCode::EntityTooSmall,
            StoreError::Receive(_) => S3ErrorCode::IncompleteBody,
            StoreError::Closed => S3ErrorCode::ServiceUnavailable,
            _ => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "S3 request failed"
                );
                S3ErrorCode::InternalError
            }
        };
        // The client is on the same machine, so the full message helps it and exposes nothing.
        let mut answer = S3Error::with_message(code, error.to_string());
        answer.set_source(Box::new(error));
        answer
    }
}

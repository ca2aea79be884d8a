//! Kinds of ETags.

use super::StoreError;
use crate::ids::random_hex;

/// How the ETags of new objects are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ETags {
    /// The MD5 of the body; for a multipart upload the MD5 of its parts' MD5s, and their count. S3
    /// does this without encryption and with SSE-S3.
    #[default]
    Md5,
    /// A new value for each write, also of equal bytes. S3 does this with SSE-KMS, DSSE-KMS and
    /// SSE-C. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
    Opaque,
}

impl ETags {
    /// The ETag of a new object, whose MD5 gives `by_content`.
    pub(crate) fn choose(self, by_content: String) -> Result<String, StoreError> {
        match self {
            Self::Md5 => Ok(by_content),
            // The part count is kept.
            Self::Opaque => {
                let random = random_hex::<16>()?;
                Ok(match by_content.split_once('-') {
                    Some((_, parts)) => format!("{random}-{parts}"),
                    None => random,
                })
            }
        }
    }
}

//! What an object's ETag is.

use super::StoreError;
use crate::ids::random_hex;

/// What the ETags of objects are that are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ETags {
    /// The MD5 of the body, or for a multipart upload that of its parts' MD5s and their count: as
    /// S3 does without encryption, or with keys of its own (SSE-S3).
    #[default]
    Md5,
    /// Another one at each write, also of the same bytes: as S3 does with keys of KMS (SSE-KMS,
    /// DSSE) or of the client (SSE-C).
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
    Opaque,
}

impl ETags {
    /// The ETag of an object that is written now, whose MD5 would give `by_content`.
    pub(crate) fn choose(self, by_content: String) -> Result<String, StoreError> {
        match self {
            Self::Md5 => Ok(by_content),
            // The count of the parts is there all the same.
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

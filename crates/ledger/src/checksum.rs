//! The checksum that S3 keeps with each object of ours, and gives back without the content.
//!
//! An ETag tells which write an object is from, and not always which content: with keys of KMS, the
//! same bytes get another one each time. The checksum tells the content, whatever the encryption.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

/// Bytes of a file that are read at once.
const PIECE: usize = 256 * 1024;

/// The SHA-256 of an object's content, in base 64, as the header `x-amz-checksum-sha256` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha256(String);

impl Sha256 {
    /// That of `content`.
    pub fn of(content: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(content);
        Self::finish(context)
    }

    /// That of a file, and its size in bytes. Reads all of it, and blocks.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of_file(path: &Path) -> io::Result<(Self, u64)> {
        let mut file = File::open(path)?;
        let mut context = Context::new(&SHA256);
        let mut piece = vec![0; PIECE];
        let mut bytes = 0;
        loop {
            match file.read(&mut piece)? {
                0 => return Ok((Self::finish(context), bytes)),
                read => {
                    context.update(&piece[..read]);
                    bytes += read as u64;
                }
            }
        }
    }

    /// What S3 says in the header. The checksum of a multipart upload is one of checksums, and
    /// ends with the number of parts: never equal to one of a content.
    pub(crate) fn of_header(header: &str) -> Self {
        Self(header.to_owned())
    }

    /// The header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn finish(context: Context) -> Self {
        Self(BASE64_STANDARD.encode(context.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_the_standard() {
        let abc = Sha256::of(b"abc");
        assert_eq!(abc.as_str(), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn a_file_has_that_of_its_content() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content = vec![7; PIECE + 1];
        std::fs::write(&file, &content).unwrap();
        let (sum, bytes) = Sha256::of_file(file.path()).unwrap();
        assert_eq!((sum, bytes), (Sha256::of(&content), content.len() as u64));
    }
}

//! SHA-256 checksums that S3 stores with each of our objects and returns without the content.
//!
//! An ETag identifies a write, not always a content: with KMS keys, the same bytes get another ETag each
//! time. The checksum identifies the content under any encryption.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

/// Read size in bytes.
const READ_SIZE: usize = 256 * 1024;

/// SHA-256 of an object's content in base 64, as in the header `x-amz-checksum-sha256`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha256(String);

impl Sha256 {
    /// Checksum of `content`.
    pub fn of(content: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(content);
        Self::finish(context)
    }

    /// Checksum of a file, and its size in bytes. Reads the whole file and blocks.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn of_file(path: &Path) -> io::Result<(Self, u64)> {
        let mut file = File::open(path)?;
        let mut context = Context::new(&SHA256);
        let mut piece = vec![0; READ_SIZE];
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

    /// Takes the header's value. The checksum of a multipart upload is one of checksums and ends with
    /// the number of parts, so it never equals the checksum of a content.
    pub(crate) fn of_header(header: &str) -> Self {
        Self(header.to_owned())
    }

    /// Sixteen letters and digits that stand for it.
    pub(crate) fn short(&self) -> String {
        let is_plain = |letter: &char| letter.is_ascii_alphanumeric();
        self.0.chars().filter(is_plain).take(16).collect()
    }

    /// Value of the header `x-amz-checksum-sha256`.
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
        let content = vec![7; READ_SIZE + 1];
        std::fs::write(&file, &content).unwrap();
        let (sum, bytes) = Sha256::of_file(file.path()).unwrap();
        assert_eq!((sum, bytes), (Sha256::of(&content), content.len() as u64));
    }
}

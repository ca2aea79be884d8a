//! Checksums that a client sends with a body. A mismatch refuses the body, so that a damaged one
//! never becomes an object.

use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumMode};
use s3s::{S3Result, TrailingHeaders, s3_error};

use crate::store::{Checksums, Received};

/// A value of the type with these checksums. s3s has the same five fields in many types.
macro_rules! with_checksums {
    ($Type:ident, $sums:expr) => {
        $Type {
            checksum_crc32: $sums.checksum_crc32,
            checksum_crc32c: $sums.checksum_crc32c,
            checksum_crc64nvme: $sums.checksum_crc64nvme,
            checksum_sha1: $sums.checksum_sha1,
            checksum_sha256: $sums.checksum_sha256,
            ..$Type::default()
        }
    };
}
pub(super) use with_checksums;

/// The client's checksums of a body, from headers and, once the body is read, from trailers.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// `Content-MD5`, in base64.
    pub(super) md5: Option<String>,
    pub(super) sums: Checksum,
    /// Algorithm of a checksum in a trailer, such as `CRC32`.
    pub(super) algorithm: Option<String>,
    pub(super) trailers: Option<TrailingHeaders>,
}

impl Claims {
    /// A hasher for all claimed algorithms.
    pub(super) fn hasher(&self) -> ChecksumHasher {
        let wanted = |sum: &Option<String>, name: &str| {
            sum.is_some()
                || (self.algorithm.as_deref()).is_some_and(|a| a.eq_ignore_ascii_case(name))
        };
        let sums = &self.sums;
        ChecksumHasher {
            crc32: wanted(&sums.checksum_crc32, "CRC32").then(Crc32::new),
            crc32c: wanted(&sums.checksum_crc32c, "CRC32C").then(Crc32c::new),
            crc64nvme: wanted(&sums.checksum_crc64nvme, "CRC64NVME").then(Crc64Nvme::new),
            sha1: wanted(&sums.checksum_sha1, "SHA1").then(Sha1::new),
            sha256: wanted(&sums.checksum_sha256, "SHA256").then(Sha256::new),
        }
    }

    /// Compares with the received body.
    pub(super) fn check(&self, received: &Received) -> S3Result<()> {
        if let Some(claimed) = &self.md5
            && *claimed != base64(&received.md5)
        {
            return Err(s3_error!(
                BadDigest,
                "the body does not match its Content-MD5"
            ));
        }
        let found = named(&received.checksum);
        for ((name, claimed), (_, found)) in named(&self.sums).into_iter().zip(found) {
            let trailer = self.trailer(&format!("x-amz-checksum-{name}"));
            let claimed = claimed.as_ref().or(trailer.as_ref());
            if let (Some(claimed), Some(found)) = (claimed, found)
                && claimed != found
            {
                return Err(s3_error!(BadDigest, "the body does not match its {name}"));
            }
        }
        Ok(())
    }

    fn trailer(&self, name: &str) -> Option<String> {
        self.trailers.as_ref()?.read(|trailers| {
            let value = trailers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        })?
    }
}

/// The checksums by the suffix of their header (`x-amz-checksum-…`).
fn named(sums: &Checksum) -> [(&'static str, &Option<String>); 5] {
    [
        ("crc32", &sums.checksum_crc32),
        ("crc32c", &sums.checksum_crc32c),
        ("crc64nvme", &sums.checksum_crc64nvme),
        ("sha1", &sums.checksum_sha1),
        ("sha256", &sums.checksum_sha256),
    ]
}

/// The checksums to store with an object.
pub(super) fn stored_checksums(sums: &Checksum) -> Checksums {
    (named(sums).into_iter())
        .filter_map(|(name, sum)| Some((name.to_owned(), sum.clone()?)))
        .collect()
}

/// The checksums to return if the client asked for them (`x-amz-checksum-mode`).
pub(super) fn requested_checksums(kept: &Checksums, mode: Option<&ChecksumMode>) -> Checksum {
    let asked = mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    let sum = |name| kept.get(name).filter(|_| asked).cloned();
    Checksum {
        checksum_crc32: sum("crc32"),
        checksum_crc32c: sum("crc32c"),
        checksum_crc64nvme: sum("crc64nvme"),
        checksum_sha1: sum("sha1"),
        checksum_sha256: sum("sha256"),
        checksum_type: None,
    }
}

/// Base64 with padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = 0;
        for at in 0..3 {
            bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or(0));
        }
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= group.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}

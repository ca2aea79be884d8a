//! Checksums that a client sends with a body. A mismatch refuses the body, so that a damaged one
//! never becomes an object.

use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumMode};
use s3s::{S3Result, TrailingHeaders, s3_error};

use crate::store::{Checksums, Received};

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
        let mut hasher = ChecksumHasher::default();
        if wanted(&sums.checksum_crc32, "CRC32") {
            hasher.crc32 = Some(Crc32::new());
        }
        if wanted(&sums.checksum_crc32c, "CRC32C") {
            hasher.crc32c = Some(Crc32c::new());
        }
        if wanted(&sums.checksum_crc64nvme, "CRC64NVME") {
            hasher.crc64nvme = Some(Crc64Nvme::new());
        }
        if wanted(&sums.checksum_sha1, "SHA1") {
            hasher.sha1 = Some(Sha1::new());
        }
        if wanted(&sums.checksum_sha256, "SHA256") {
            hasher.sha256 = Some(Sha256::new());
        }
        hasher
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
        let (claimed, found) = (&self.sums, &received.checksum);
        let pairs = [
            ("crc32", &claimed.checksum_crc32, &found.checksum_crc32),
            ("crc32c", &claimed.checksum_crc32c, &found.checksum_crc32c),
            (
                "crc64nvme",
                &claimed.checksum_crc64nvme,
                &found.checksum_crc64nvme,
            ),
            ("sha1", &claimed.checksum_sha1, &found.checksum_sha1),
            ("sha256", &claimed.checksum_sha256, &found.checksum_sha256),
        ];
        for (name, claimed, found) in pairs {
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

/// The checksums to store with an object.
pub(super) fn stored_checksums(sums: &Checksum) -> Checksums {
    [
        ("crc32", &sums.checksum_crc32),
        ("crc32c", &sums.checksum_crc32c),
        ("crc64nvme", &sums.checksum_crc64nvme),
        ("sha1", &sums.checksum_sha1),
        ("sha256", &sums.checksum_sha256),
    ]
    .into_iter()
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

//! Presigned URLs. Whoever has one can read the source until it expires.

use std::fmt;

/// A presigned GET of one source object. It is a secret, so its `Debug` is redacted.
#[derive(Clone)]
pub struct PresignedUrl(String);

const REDACTED: &str = "[presigned URL]";

impl PresignedUrl {
    /// Wraps a URL that the SDK signed.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Reveals the URL. Use it for requests only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Replaces the URL in `text`.
    pub fn redact(&self, text: &str) -> String {
        text.replace(&self.0, REDACTED)
    }
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresignedUrl(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> PresignedUrl {
        PresignedUrl::new(
            "https://films.s3.amazonaws.com/a%20b.mp4?X-Amz-Credential=AKIA&X-Amz-Signature=5ec2e7",
        )
    }

    #[test]
    fn it_prints_as_redacted() {
        assert_eq!(format!("{:?}", url()), "PresignedUrl(redacted)");
    }

    #[test]
    fn it_is_taken_out_of_what_is_said() {
        let said = format!("{}: connection refused", url().expose());
        assert_eq!(url().redact(&said), "[presigned URL]: connection refused");
        assert_eq!(url().redact("no route to host"), "no route to host");
    }
}

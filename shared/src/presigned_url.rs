//! A presigned URL: whoever holds it can read the source until it expires.

use std::fmt;

/// A presigned GET of one source object. A secret: it prints as redacted.
#[derive(Clone)]
pub struct PresignedUrl(String);

const REDACTED: &str = "[presigned URL]";

impl PresignedUrl {
    /// Wraps a URL as the SDK signed it.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL itself, for the argument list of a child and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without the URL. FFmpeg cuts its lines at a fixed length, so whatever starts like
    /// the URL goes, up to the next white space or quote.
    pub fn redact(&self, text: &str) -> String {
        let scheme_end = self.0.find("://").map_or(0, |at| at + 3);
        let host_end = self.0[scheme_end..]
            .find('/')
            .map_or(self.0.len(), |at| scheme_end + at);
        let origin = &self.0[..host_end];
        let mut clean = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(origin).filter(|_| !origin.is_empty()) {
            clean.push_str(&rest[..at]);
            clean.push_str(REDACTED);
            let tail = &rest[at..];
            let end = tail
                .find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"'))
                .unwrap_or(tail.len());
            // A colon that ends the word belongs to FFmpeg's "URL: message".
            let end = end - usize::from(tail[..end].ends_with(':'));
            rest = &tail[end..];
        }
        clean.push_str(rest);
        without_signature(clean)
    }

    /// Whether `text` names the URL, or a cut-off beginning of it that holds at least the host.
    pub fn is_named_in(&self, text: &str) -> bool {
        self.redact(text).contains(REDACTED)
    }
}

/// `text` without what makes a presigned URL a secret, for one that lost its beginning.
fn without_signature(mut text: String) -> String {
    for secret in ["X-Amz-Signature=", "X-Amz-Security-Token="] {
        let mut from = 0;
        while let Some(at) = text[from..].find(secret).map(|at| from + at + secret.len()) {
            let length = text[at..]
                .find(|c: char| c == '&' || c.is_whitespace())
                .unwrap_or(text.len() - at);
            text.replace_range(at..at + length, "");
            from = at;
        }
    }
    text
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
    fn it_is_taken_out_of_what_ffmpeg_says() {
        let said = format!("{}: Input/output error\nnext line", url().expose());
        assert_eq!(
            url().redact(&said),
            "[presigned URL]: Input/output error\nnext line"
        );
        assert!(url().is_named_in(&said));
    }

    #[test]
    fn a_line_that_ffmpeg_cut_short_gives_nothing_away() {
        let url = url();
        let cut = &url.expose()[..60];
        assert_eq!(
            url.redact(&format!("error at '{cut}")),
            "error at '[presigned URL]"
        );
    }

    #[test]
    fn a_url_that_lost_its_beginning_gives_nothing_away() {
        let said = "-Date=1&X-Amz-Signature=5ec2e7&x=1: Input/output error X-Amz-Signature=5e";
        let clean = "-Date=1&X-Amz-Signature=&x=1: Input/output error X-Amz-Signature=";
        assert_eq!(url().redact(said), clean);
    }

    #[test]
    fn other_text_stays() {
        assert_eq!(url().redact("no such stream: 0:3"), "no such stream: 0:3");
        assert!(!url().is_named_in("no such stream"));
    }
}

//! A source object: its version, its presigned URL and its state in S3.

use std::{fmt, time::Duration};

use aws_sdk_s3::{
    Client,
    error::SdkError,
    operation::head_object::{HeadObjectError, HeadObjectOutput},
    presigning::PresigningConfig,
    types::{ArchiveStatus, StorageClass},
};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{
    archived::Storage,
    error_chain::with_causes,
    presigned_url::PresignedUrl,
    refusal::{Refusal, bucket_is_missing, explained},
    source_key::SourceKey,
};

/// Version of an object, with quotes as in HTTP: `"9b2c…"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ETag(String);

/// The text is not a valid ETag.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no ETag: printable ASCII without quotes inside is wanted")]
pub struct ETagError(String);

impl ETag {
    /// Takes an ETag with quotes, as in HTTP, or without, as in notifications.
    ///
    /// # Errors
    /// If it is empty or has other characters than printable ASCII, because it goes into a header.
    pub fn new(text: &str) -> Result<Self, ETagError> {
        let bare = text
            .strip_prefix('"')
            .and_then(|inner| inner.strip_suffix('"'))
            .unwrap_or(text);
        if bare.is_empty() || !bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
            return Err(ETagError(text.to_owned()));
        }
        Ok(Self(format!("\"{bare}\"")))
    }

    /// The ETag, quotes included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for ETag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A source object. With an ETag it means exactly that version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Bucket, by its bare name.
    pub bucket: String,
    /// Key, as S3 stores it.
    pub key: SourceKey,
    /// Version; `None` if unknown.
    pub etag: Option<ETag>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// One version of a source, and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedSource {
    /// Names the version.
    source: Source,
    etag: ETag,
    bytes: u64,
}

impl PinnedSource {
    /// The version `etag` of `source`, which has `bytes` bytes.
    pub fn new(source: Source, etag: ETag, bytes: u64) -> Self {
        Self {
            source: Source {
                etag: Some(etag.clone()),
                ..source
            },
            etag,
            bytes,
        }
    }

    /// The source in this version.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The version.
    pub fn etag(&self) -> &ETag {
        &self.etag
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What S3 currently says about a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// It exists in the wanted version.
    Present(PinnedSource),
    /// It exists in the wanted version, but must be restored before it can be read.
    Archived {
        /// Version in S3.
        etag: ETag,
    },
    /// Another version has replaced it.
    Replaced,
    /// It was deleted or never existed.
    Gone,
}

/// S3 could not be asked, or its answer makes no sense. Transient.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} {source_name}: {reason}")]
pub struct SourceUnavailable {
    action: &'static str,
    source_name: String,
    reason: String,
}

impl Source {
    /// Presigns a GET that is valid for `expiry`. Sends no request.
    ///
    /// # Errors
    /// If no credentials are available.
    pub async fn presign(
        &self,
        s3: &Client,
        expiry: Duration,
    ) -> Result<PresignedUrl, SourceUnavailable> {
        let config =
            PresigningConfig::expires_in(expiry).map_err(|e| self.unavailable("presign", e))?;
        let request = s3
            .get_object()
            .bucket(&self.bucket)
            .key(self.key.as_str())
            .presigned(config)
            .await
            .map_err(|e| self.unavailable("presign", with_causes(&e)))?;
        Ok(PresignedUrl::new(request.uri()))
    }

    /// Asks S3 with one HEAD whether this source exists in this version.
    ///
    /// # Errors
    /// If S3 does not answer or refuses. A role that may not list the bucket gets 403 for a missing key
    /// too, so 403 does not mean that the source is gone. Our roles may list it (`TellGoneSources` in
    /// `template.yaml`) and get 404.
    pub async fn state(&self, s3: &Client) -> Result<SourceState, SourceUnavailable> {
        let answer = s3
            .head_object()
            .bucket(&self.bucket)
            .key(self.key.as_str())
            .set_if_match(self.etag.as_ref().map(|etag| etag.as_str().to_owned()))
            .send()
            .await;
        match answer {
            Ok(head) => {
                let etag = ETag::new(head.e_tag().unwrap_or_default())
                    .map_err(|e| self.unavailable("look at", e))?;
                if storage(&head).is_archived() {
                    return Ok(SourceState::Archived { etag });
                }
                let bytes = head
                    .content_length()
                    .and_then(|length| u64::try_from(length).ok())
                    .unwrap_or_default();
                let pinned = PinnedSource::new(self.clone(), etag, bytes);
                Ok(SourceState::Present(pinned))
            }
            Err(error) => self.refused(s3, &error).await,
        }
    }

    /// Interprets an error answer to a HEAD. It has no body, so S3 is asked again where the status alone
    /// is ambiguous.
    async fn refused(
        &self,
        s3: &Client,
        error: &SdkError<HeadObjectError>,
    ) -> Result<SourceState, SourceUnavailable> {
        let refusal = Refusal::of(error);
        match refusal.status {
            Some(404) if bucket_is_missing(s3, &self.bucket).await => {
                let reason = format!("there is no bucket {}: check its name", self.bucket);
                Err(self.unavailable("look at", reason))
            }
            Some(404) => Ok(SourceState::Gone),
            Some(412) => Ok(SourceState::Replaced),
            _ => {
                let refusal = explained(s3, &self.bucket, self.key.as_str(), refusal).await;
                let region = s3.config().region().map(|region| region.as_ref());
                let reason = refusal.words("s3:GetObject", region);
                Err(self.unavailable("look at", reason))
            }
        }
    }

    fn unavailable(&self, action: &'static str, reason: impl fmt::Display) -> SourceUnavailable {
        SourceUnavailable {
            action,
            source_name: self.to_string(),
            reason: reason.to_string(),
        }
    }
}

fn storage(head: &HeadObjectOutput) -> Storage<'_> {
    Storage {
        class: head.storage_class().map(StorageClass::as_str),
        archive_status: head.archive_status().map(ArchiveStatus::as_str),
        restore: head.restore(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_quoted_once_whether_it_came_with_quotes_or_without() {
        assert_eq!(ETag::new("9b2c").unwrap(), ETag::new("\"9b2c\"").unwrap());
        assert_eq!(ETag::new("9b2c").unwrap().as_str(), "\"9b2c\"");
    }

    #[test]
    fn an_etag_that_would_break_out_of_a_header_is_refused() {
        for text in ["", "\"\"", "a\r\nHost: evil", "a\"b", "ä"] {
            assert!(ETag::new(text).is_err(), "{text:?}");
        }
    }
}

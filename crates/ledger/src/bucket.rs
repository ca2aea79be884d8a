//! The bucket of the outputs, as a ledger uses it: objects are read with their version, and written and
//! deleted on condition of one. [`crate::listing`] lists them.

use std::{error::Error, fmt};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode},
};
use bytes::Bytes;
use gifgen_shared::{ETag, Refusal, Retries, with_causes};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::sleep;

use crate::{checksum::Sha256, error::LedgerError, run::RunMark};

/// A source can be replaced, and its previews with it: caches ask again after an hour.
const CACHE_FOR_AN_HOUR: &str = "max-age=3600";

/// What changes while a run goes on.
const CACHE_NEVER: &str = "no-cache";

/// A bucket, with a client for it.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub(crate) s3: Client,
    pub(crate) name: String,
}

/// On which condition an object is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// On none.
    Always,
    /// If it does not exist.
    Absent,
    /// If it exists in this version.
    Is(ETag),
}

impl Precondition {
    /// If it is still as it was read.
    pub fn unchanged(version: Option<&ETag>) -> Self {
        version.map_or(Self::Absent, |version| Self::Is(version.clone()))
    }
}

/// What came of a write on a [`Precondition`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Race<T> {
    /// The precondition held, and it was written.
    Won(T),
    /// The precondition does not hold: somebody else was first. Nothing was written.
    Lost,
}

impl<T> Race<T> {
    /// Whether it was written.
    pub fn is_won(&self) -> bool {
        matches!(self, Self::Won(_))
    }

    /// The same with `change` made to what was won.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Race<U> {
        match self {
            Self::Won(won) => Race::Won(change(won)),
            Self::Lost => Race::Lost,
        }
    }
}

/// An object to write.
#[derive(Debug)]
pub struct PutRequest {
    /// Its key.
    pub key: String,
    /// Its content.
    pub body: ByteStream,
    /// Checksum of the content. S3 refuses another one, and keeps it.
    pub sha256: Sha256,
    /// Its content type.
    pub content_type: &'static str,
    /// Whether it stays as it is for as long as its run is the current one.
    pub cached: bool,
    /// The run that it is written for, if another writer of that run may take it for its own.
    pub mark: Option<RunMark>,
}

/// What S3 says of an object without giving it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Checksum of the content; `None` if S3 keeps none.
    pub sha256: Option<Sha256>,
    /// The run that it was written for.
    pub mark: Option<RunMark>,
}

/// Name of the metadata that holds an object's [`RunMark`].
const MARK: &str = "gifgen-run";

impl Bucket {
    /// The bucket `name`, reached through `s3`.
    pub fn new(s3: Client, name: impl Into<String>) -> Self {
        Self {
            s3,
            name: name.into(),
        }
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a JSON object and its version; `None` if there is none.
    ///
    /// # Errors
    /// If S3 does not give it, or it is not of this type.
    pub async fn read<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<(T, ETag)>, LedgerError> {
        let Some((content, etag)) = self.content(key, None).await? else {
            return Ok(None);
        };
        match serde_json::from_slice(&content) {
            Ok(value) => Ok(Some((value, etag))),
            Err(error) => Err(self.unreadable(key, error)),
        }
    }

    /// Reads a part of a text object, named as the header `Range` has it.
    ///
    /// # Errors
    /// If S3 does not give it, or it is no text.
    pub async fn read_range(&self, key: &str, range: &str) -> Result<String, LedgerError> {
        let content = self.content(key, Some(range)).await?;
        let (content, _) =
            content.ok_or_else(|| self.unavailable("read", key, "there is none".to_owned()))?;
        String::from_utf8(content.into()).map_err(|error| self.unreadable(key, error))
    }

    /// Reads an object; `None` if there is none.
    ///
    /// # Errors
    /// If S3 does not give it.
    pub async fn bytes(&self, key: &str) -> Result<Option<Bytes>, LedgerError> {
        let content = self.content(key, None).await?;
        Ok(content.map(|(content, _)| content))
    }

    /// The content of an object and its version; `None` if there is none. Content that breaks off is asked
    /// for again: the SDK, for which an answer is there with its headers, does not.
    async fn content(
        &self,
        key: &str,
        range: Option<&str>,
    ) -> Result<Option<(Bytes, ETag)>, LedgerError> {
        let unavailable = |reason: String| self.unavailable("read", key, reason);
        let request = self.s3.get_object().bucket(&self.name).key(key);
        let request = request.set_range(range.map(str::to_owned));
        let mut retries = Retries::governing();
        loop {
            let object = match request.clone().send().await {
                Ok(object) => object,
                Err(error) => {
                    let refusal = Refusal::of(&error);
                    return match refusal.status {
                        // A bucket that is missing altogether is a mistake in the settings.
                        Some(404) if !refusal.is_of_bucket() => Ok(None),
                        _ => Err(unavailable(self.words("s3:GetObject", &refusal))),
                    };
                }
            };
            let etag = ETag::new(object.e_tag().unwrap_or_default())
                .map_err(|error| unavailable(error.to_string()))?;
            let broken = match object.body.collect().await {
                Ok(body) => return Ok(Some((body.into_bytes(), etag))),
                Err(error) => error,
            };
            let pause = retries
                .failed()
                .ok_or_else(|| unavailable(with_causes(&broken)))?;
            sleep(pause).await;
        }
    }

    /// Writes a JSON object, and gives its version.
    ///
    /// # Errors
    /// If S3 does not take it.
    pub async fn write(
        &self,
        key: &str,
        value: &impl Serialize,
        when: &Precondition,
    ) -> Result<Race<ETag>, LedgerError> {
        let body = serde_json::to_vec(value)
            .map_err(|error| self.unavailable("write", key, error.to_string()))?;
        let new = PutRequest {
            key: key.to_owned(),
            sha256: Sha256::of(&body),
            body: body.into(),
            content_type: "application/json",
            cached: false,
            mark: None,
        };
        self.put(new, when).await
    }

    /// Writes an object, and gives its version. No ACL is sent.
    ///
    /// # Errors
    /// If S3 does not take it.
    pub async fn put(
        &self,
        new: PutRequest,
        when: &Precondition,
    ) -> Result<Race<ETag>, LedgerError> {
        let request = self
            .s3
            .put_object()
            .bucket(&self.name)
            .key(&new.key)
            .content_type(new.content_type)
            .cache_control(if new.cached {
                CACHE_FOR_AN_HOUR
            } else {
                CACHE_NEVER
            })
            // S3 needs no name of the algorithm beside the value, but moto drops the value without it.
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(new.sha256.as_str())
            .set_metadata(new.mark.map(|mark| [(MARK.to_owned(), mark.0)].into()))
            .body(new.body);
        let request = match when {
            Precondition::Always => request,
            Precondition::Absent => request.if_none_match("*"),
            Precondition::Is(version) => request.if_match(version.as_str()),
        };
        match request.send().await {
            Ok(put) => ETag::new(put.e_tag().unwrap_or_default())
                .map(Race::Won)
                .map_err(|error| self.unavailable("write", &new.key, error.to_string())),
            Err(error) if is_lost(&error, when) => Ok(Race::Lost),
            Err(error) => {
                let reason = self.said("s3:PutObject", &error);
                Err(self.unavailable("write", &new.key, reason))
            }
        }
    }

    /// What S3 says of an object in the given version. `None` if the object has changed or is gone, or
    /// the server does not know this request.
    ///
    /// # Errors
    /// If S3 cannot be asked, or refuses: for objects with a key of KMS it takes the right to decrypt.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
    pub async fn inspect(&self, key: &str, version: &ETag) -> Result<Option<Seen>, LedgerError> {
        let head = self.s3.head_object().bucket(&self.name).key(key);
        let head = head
            .if_match(version.as_str())
            .checksum_mode(ChecksumMode::Enabled);
        match head.send().await {
            Ok(head) => Ok(Some(Seen {
                sha256: head.checksum_sha256().map(Sha256::of_header),
                mark: (head.metadata())
                    .and_then(|metadata| metadata.get(MARK))
                    .map(|mark| RunMark(mark.clone())),
            })),
            Err(error) => match status(&error) {
                Some(404 | 412) => Ok(None),
                Some(code @ (400 | 501)) => {
                    tracing::warn!(bucket = self.name, key, code, "no checksum is to be had");
                    Ok(None)
                }
                _ => Err(self.unavailable("look at", key, self.said("s3:GetObject", &error))),
            },
        }
    }

    /// Deletes an object if it is in the given version.
    ///
    /// # Errors
    /// If S3 does not do so. That the object has changed, or is gone, is not an error.
    pub async fn delete(&self, key: &str, version: &ETag) -> Result<(), LedgerError> {
        let request = self.s3.delete_object().bucket(&self.name).key(key);
        match request.if_match(version.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_lost(&error, &Precondition::Is(version.clone())) => Ok(()),
            Err(error) => {
                Err(self.unavailable("delete", key, self.said("s3:DeleteObject", &error)))
            }
        }
    }

    /// What S3 said instead of doing what needs this `right`.
    pub(crate) fn said<E: ProvideErrorMetadata + Error + 'static>(
        &self,
        right: &str,
        error: &SdkError<E>,
    ) -> String {
        self.words(right, &Refusal::of(error))
    }

    fn words(&self, right: &str, refusal: &Refusal) -> String {
        refusal.words(right, self.s3.config().region().map(AsRef::as_ref))
    }

    /// The error for an object that is not what it should be.
    pub fn unreadable(&self, key: &str, reason: impl fmt::Display) -> LedgerError {
        LedgerError::Unreadable {
            bucket: self.name.clone(),
            key: key.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn unavailable(
        &self,
        action: &'static str,
        key: &str,
        reason: String,
    ) -> LedgerError {
        LedgerError::Unavailable {
            action,
            bucket: self.name.clone(),
            key: key.to_owned(),
            reason,
        }
    }
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    Some(error.raw_response()?.status().as_u16())
}

/// Whether a write failed because its condition does not hold. S3 says 412, or 404 where a version is
/// wanted and there is nothing. A 409 says only that another write is under way, which may fail: the client
/// sends the request again ([`gifgen_shared::connections`]), and if it stays, nothing is known.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
fn is_lost<E: ProvideErrorMetadata>(error: &SdkError<E>, when: &Precondition) -> bool {
    match status(error) {
        Some(412) => *when != Precondition::Always,
        Some(404) => matches!(when, Precondition::Is(_)) && error.code() != Some("NoSuchBucket"),
        _ => false,
    }
}

//! The bucket of the outputs, as a ledger uses it: objects are read with their version, written and
//! deleted on condition of one, and listed by folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt,
};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types::EncodingType,
};
use gifgen_shared::{refusal::Refusal, source::ETag};
use percent_encoding::percent_decode_str;
use serde::{Serialize, de::DeserializeOwned};

use crate::{changed::has_changed, error::LedgerError};

/// A source can be replaced, and its previews with it: caches ask again after an hour.
const CACHE_FOR_AN_HOUR: &str = "max-age=3600";

/// What changes while a run goes on.
const CACHE_NEVER: &str = "no-cache";

/// Most keys of a page of S3's.
const MOST: i32 = 1000;

/// A bucket, with a client for it.
#[derive(Clone, Debug)]
pub struct Bucket {
    s3: Client,
    name: String,
}

/// On which condition an object is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// On none.
    Always,
    /// If it does not exist.
    Absent,
    /// If it exists in this version.
    Is(ETag),
}

impl When {
    /// If it is still as it was read.
    pub fn unchanged(version: Option<&ETag>) -> Self {
        version.map_or(Self::Absent, |version| Self::Is(version.clone()))
    }
}

/// An object to write.
#[derive(Debug)]
pub struct New {
    /// Its key.
    pub key: String,
    /// Its content.
    pub body: ByteStream,
    /// Its content type.
    pub content_type: &'static str,
    /// Whether it stays as it is for as long as its run is the current one.
    pub cached: bool,
}

/// An object of a folder, as a listing has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Size in bytes.
    pub bytes: u64,
    /// Version.
    pub etag: ETag,
}

/// Objects of a folder, by their names in it.
pub type Folder = BTreeMap<String, Listed>;

/// Where a listing starts.
enum Start {
    Beginning,
    /// Behind this name.
    Name(String),
    /// At the page of this token.
    Page(String),
}

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
        let unavailable = |reason: String| self.unavailable("read", key, reason);
        let got = self
            .s3
            .get_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await;
        let object = match got {
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
        let body = object.body.collect().await;
        let body = body.map_err(|error| unavailable(error.to_string()))?;
        match serde_json::from_slice(&body.into_bytes()) {
            Ok(value) => Ok(Some((value, etag))),
            Err(error) => Err(self.unreadable(key, error)),
        }
    }

    /// Reads a part of a text object, named as the header `Range` has it.
    ///
    /// # Errors
    /// If S3 does not give it, or it is no text.
    pub async fn read_range(&self, key: &str, range: &str) -> Result<String, LedgerError> {
        let unavailable = |reason: String| self.unavailable("read", key, reason);
        let request = self.s3.get_object().bucket(&self.name).key(key);
        let object = request.range(range).send().await;
        let object = object.map_err(|error| unavailable(self.said("s3:GetObject", &error)))?;
        let body = object.body.collect().await;
        let body = body.map_err(|error| unavailable(error.to_string()))?;
        String::from_utf8(body.to_vec()).map_err(|error| self.unreadable(key, error))
    }

    /// Writes a JSON object, and gives its version; `None` if the condition does not hold.
    ///
    /// # Errors
    /// If S3 does not take it.
    pub async fn write(
        &self,
        key: &str,
        value: &impl Serialize,
        when: &When,
    ) -> Result<Option<ETag>, LedgerError> {
        let body = serde_json::to_vec(value)
            .map_err(|error| self.unavailable("write", key, error.to_string()))?;
        let new = New {
            key: key.to_owned(),
            body: body.into(),
            content_type: "application/json",
            cached: false,
        };
        self.put(new, when).await
    }

    /// Writes an object, and gives its version; `None` if the condition does not hold. No ACL is
    /// sent.
    ///
    /// # Errors
    /// If S3 does not take it.
    pub async fn put(&self, new: New, when: &When) -> Result<Option<ETag>, LedgerError> {
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
            .body(new.body);
        let request = match when {
            When::Always => request,
            When::Absent => request.if_none_match("*"),
            When::Is(version) => request.if_match(version.as_str()),
        };
        match request.send().await {
            Ok(put) => ETag::new(put.e_tag().unwrap_or_default())
                .map(Some)
                .map_err(|error| self.unavailable("write", &new.key, error.to_string())),
            Err(error) if has_changed(&error, when) => Ok(None),
            Err(error) => {
                let reason = self.said("s3:PutObject", &error);
                Err(self.unavailable("write", &new.key, reason))
            }
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
            Err(error) if has_changed(&error, &When::Is(version.clone())) => Ok(()),
            Err(error) => {
                Err(self.unavailable("delete", key, self.said("s3:DeleteObject", &error)))
            }
        }
    }

    /// All objects of a folder (a prefix that ends with `/`), by their names in it; what lies in
    /// folders below it is left out.
    ///
    /// # Errors
    /// If S3 does not list them.
    pub async fn folder(&self, folder: &str) -> Result<Folder, LedgerError> {
        let mut found = Folder::new();
        let mut from = Some(Start::Beginning);
        while let Some(start) = from {
            let (page, next) = self.page(folder, &start, MOST).await?;
            found.extend(page);
            from = next;
        }
        Ok(found)
    }

    /// Those of `keys` that exist. Lists each folder from the first of its keys to the last.
    ///
    /// # Errors
    /// If S3 does not list them.
    pub async fn those<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, Listed>, LedgerError> {
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for key in keys {
            let (folder, name) = key.split_at(key.rfind('/').map_or(0, |slash| slash + 1));
            wanted.entry(folder).or_default().insert(name);
        }
        let mut found = BTreeMap::new();
        for (folder, names) in wanted {
            // A stem comes right before its name, and a listing starts behind what it is given.
            let first = names.first().copied().unwrap_or_default();
            let stem = first.split_once('.').map_or(first, |(stem, _)| stem);
            let most = i32::try_from(names.len()).unwrap_or(MOST).min(MOST);
            let mut from = Some(Start::Name(stem.to_owned()));
            while let Some(start) = from {
                let (page, next) = self.page(folder, &start, most).await?;
                let last = page.last_key_value().map(|(name, _)| name.as_str());
                let passed = last >= names.last().copied();
                from = next.filter(|_| !passed);
                found.extend(
                    (page.into_iter())
                        .filter(|(name, _)| names.contains(name.as_str()))
                        .map(|(name, listed)| (format!("{folder}{name}"), listed)),
                );
            }
        }
        Ok(found)
    }

    async fn page(
        &self,
        folder: &str,
        from: &Start,
        most: i32,
    ) -> Result<(Folder, Option<Start>), LedgerError> {
        let unavailable = |reason: String| self.unavailable("list", folder, reason);
        let request = self
            .s3
            .list_objects_v2()
            .bucket(&self.name)
            .prefix(folder)
            .delimiter("/")
            .max_keys(most)
            // A key may hold what XML cannot.
            .encoding_type(EncodingType::Url);
        let request = match from {
            Start::Beginning => request,
            Start::Name(name) => request.start_after(format!("{folder}{name}")),
            Start::Page(token) => request.continuation_token(token),
        };
        let page = request.send().await;
        let page = page.map_err(|error| unavailable(self.said("s3:ListBucket", &error)))?;
        let mut found = Folder::new();
        for object in page.contents() {
            let key = percent_decode_str(object.key().unwrap_or_default()).decode_utf8_lossy();
            let name = key.rsplit('/').next().unwrap_or(&key).to_owned();
            let etag = ETag::new(object.e_tag().unwrap_or_default())
                .map_err(|error| unavailable(error.to_string()))?;
            let bytes = object.size().and_then(|size| u64::try_from(size).ok());
            let bytes = bytes.unwrap_or_default();
            found.insert(name, Listed { bytes, etag });
        }
        let next = page.next_continuation_token().map(str::to_owned);
        Ok((found, next.map(Start::Page)))
    }

    /// What S3 said instead of doing what needs this `right`.
    fn said<E: ProvideErrorMetadata + Error + 'static>(
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

    fn unavailable(&self, action: &'static str, key: &str, reason: String) -> LedgerError {
        LedgerError::Unavailable {
            action,
            bucket: self.name.clone(),
            key: key.to_owned(),
            reason,
        }
    }
}

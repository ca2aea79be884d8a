//! Lists the bucket: whole folders, or only given keys.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::types::EncodingType;
use gifgen_shared::ETag;
use percent_encoding::percent_decode_str;

use crate::{bucket::Bucket, error::LedgerError};

/// S3's limit of keys in a page.
const PAGE_SIZE: i32 = 1000;

/// What a listing says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Size in bytes.
    pub bytes: u64,
    /// Version of the object.
    pub etag: ETag,
}

/// Objects of a folder, by their names without the folder.
pub type Folder = BTreeMap<String, Listed>;

/// How deep a listing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// Without subfolders.
    One,
    /// With all subfolders.
    All,
}

/// Where a listing starts.
enum Start {
    Beginning,
    /// After this name.
    After(String),
    /// At the page with this token.
    Page(String),
}

impl Bucket {
    /// Lists a folder (a prefix that ends with `/`), without its subfolders.
    ///
    /// # Errors
    /// If S3 does not list it.
    pub async fn folder(&self, folder: &str) -> Result<Folder, LedgerError> {
        self.all(folder, Depth::One).await
    }

    /// Lists a folder with its subfolders.
    ///
    /// # Errors
    /// If S3 does not list it.
    pub async fn tree(&self, folder: &str) -> Result<Folder, LedgerError> {
        self.all(folder, Depth::All).await
    }

    async fn all(&self, folder: &str, depth: Depth) -> Result<Folder, LedgerError> {
        let mut found = Folder::new();
        let mut from = Some(Start::Beginning);
        while let Some(start) = from {
            let (page, next) = self.page(folder, depth, &start, PAGE_SIZE).await?;
            found.extend(page);
            from = next;
        }
        Ok(found)
    }

    /// The objects among `keys` that exist. Lists each folder from its first key to its last.
    ///
    /// # Errors
    /// If S3 does not list them.
    pub async fn found_among<'a>(
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
            // A listing starts after the given name. A name without its extension sorts right
            // before the full name.
            let first = names.first().copied().unwrap_or_default();
            let stem = first.split_once('.').map_or(first, |(stem, _)| stem);
            let most = i32::try_from(names.len())
                .unwrap_or(PAGE_SIZE)
                .min(PAGE_SIZE);
            let mut from = Some(Start::After(stem.to_owned()));
            while let Some(start) = from {
                let (page, next) = self.page(folder, Depth::One, &start, most).await?;
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
        depth: Depth,
        from: &Start,
        most: i32,
    ) -> Result<(Folder, Option<Start>), LedgerError> {
        let unavailable = |reason: String| self.unavailable("list", folder, reason);
        let request = self
            .s3
            .list_objects_v2()
            .bucket(&self.name)
            .prefix(folder)
            .set_delimiter((depth == Depth::One).then(|| "/".to_owned()))
            .max_keys(most)
            // Keys may contain characters that XML forbids.
            .encoding_type(EncodingType::Url);
        let request = match from {
            Start::Beginning => request,
            Start::After(name) => request.start_after(format!("{folder}{name}")),
            Start::Page(token) => request.continuation_token(token),
        };
        let page = request.send().await;
        let page = page.map_err(|error| unavailable(self.said("s3:ListBucket", &error)))?;
        let mut found = Folder::new();
        for object in page.contents() {
            let key = percent_decode_str(object.key().unwrap_or_default()).decode_utf8_lossy();
            let name = key.strip_prefix(folder).unwrap_or(&key).to_owned();
            let etag = ETag::new(object.e_tag().unwrap_or_default())
                .map_err(|error| unavailable(error.to_string()))?;
            let bytes = object.size().and_then(|size| u64::try_from(size).ok());
            let bytes = bytes.unwrap_or_default();
            found.insert(name, Listed { bytes, etag });
        }
        let next = page.next_continuation_token().map(str::to_owned);
        Ok((found, next.map(Start::Page)))
    }
}

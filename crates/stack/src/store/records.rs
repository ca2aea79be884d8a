//! Database records of objects and uploads, and an object's public description.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// An object in the store.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// The key, not URL-encoded.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
    /// The ETag without quotes: the body's MD5 in hexadecimal, `MD5-N` for a multipart upload of N
    /// parts. Opaque for an adopted file, or if the store's [`ETags`](super::ETags) are.
    pub etag: String,
    /// Path of the body. The file must not be modified, but may be linked or copied. Unless
    /// adopted, it is removed when the object is replaced or deleted.
    pub body: PathBuf,
    /// Whether the body is an adopted file, which the store never removes.
    pub adopted: bool,
    /// Time of the write, in milliseconds' precision.
    pub last_modified: SystemTime,
    /// `Content-Type`, if the client sent one.
    pub content_type: Option<String>,
    /// Other stored headers.
    pub headers: ObjectHeaders,
    /// Checksums that the client sent.
    pub checksums: Checksums,
}

/// Base64 checksums by the suffix of their header (`x-amz-checksum-…`), such as `sha256`.
pub type Checksums = BTreeMap<String, String>;

/// Headers that are stored with an object and returned with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectHeaders {
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Expires`, in milliseconds since the Unix epoch.
    pub expires_ms: Option<u64>,
    /// User metadata (`x-amz-meta-…`), by the name without that prefix.
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) bytes: u64,
    pub(crate) etag: String,
    /// Milliseconds since the Unix epoch.
    pub(crate) modified_ms: u64,
    pub(crate) body: Body,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: ObjectHeaders,
    #[serde(default)]
    pub(crate) checksums: Checksums,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// In this file of the body directory.
    Stored(String),
    /// In an adopted file.
    Adopted(OsString),
}

impl Record {
    /// Describes the file `path` in its current state.
    pub(crate) fn of_adopted(path: &Path, metadata: &Metadata) -> Self {
        let modified_ns =
            i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self {
            bytes: metadata.len(),
            // Not in the form of an MD5, so that no client compares it with one.
            etag: format!(
                "{:x}-{:x}-{:x}",
                metadata.len(),
                modified_ns,
                metadata.ino()
            ),
            modified_ms: u64::try_from(modified_ns / 1_000_000).unwrap_or(0),
            body: Body::Adopted(path.into()),
            content_type: None,
            headers: ObjectHeaders::default(),
            checksums: Checksums::new(),
        }
    }

    /// Updates the record from disk. A stored body never changes. An adopted file may have changed,
    /// which gives another size and ETag, or be gone, which gives `None`.
    pub(crate) fn refreshed(self) -> Option<Self> {
        let Body::Adopted(path) = &self.body else {
            return Some(self);
        };
        let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
        let now = Self::of_adopted(path.as_ref(), &metadata);
        let is_unchanged = now.etag == self.etag;
        let checksums = if is_unchanged {
            self.checksums
        } else {
            Checksums::new()
        };
        Some(Self {
            bytes: now.bytes,
            etag: now.etag,
            modified_ms: now.modified_ms,
            checksums,
            ..self
        })
    }

    pub(crate) fn into_info(self, key: &str, bodies: &Path) -> ObjectInfo {
        let (body, adopted) = match self.body {
            Body::Stored(id) => (bodies.join(id), false),
            Body::Adopted(path) => (path.into(), true),
        };
        ObjectInfo {
            key: key.into(),
            bytes: self.bytes,
            etag: self.etag,
            body,
            adopted,
            last_modified: from_millis(self.modified_ms),
            content_type: self.content_type,
            headers: self.headers,
            checksums: self.checksums,
        }
    }
}

/// Which multipart upload: its id, and the object that it is for.
#[derive(Debug, Clone)]
pub(crate) struct UploadId {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// Milliseconds since the Unix epoch.
    pub(crate) initiated_ms: u64,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: ObjectHeaders,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its file name in the body directory.
    pub(crate) body: String,
    pub(crate) bytes: u64,
    pub(crate) md5: [u8; 16],
    /// Milliseconds since the Unix epoch.
    pub(crate) modified_ms: u64,
}

pub(crate) fn now_millis() -> u64 {
    to_millis(SystemTime::now())
}

pub(crate) fn to_millis(time: SystemTime) -> u64 {
    // A clock before 1970 counts as 1970.
    let since_epoch = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn from_millis(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

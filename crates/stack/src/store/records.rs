//! What the database keeps of objects and uploads, and what callers see of an object.

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
    /// The key, unencoded.
    pub key: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The ETag without quotes: the MD5 of the body in hexadecimal, `MD5-N` for a multipart
    /// upload of N parts, and something opaque for an adopted file, or where the store's
    /// [`ETags`](super::ETags) are opaque.
    pub etag: String,
    /// Where the body lies on disk. The file must not be modified, but may be linked or copied; it
    /// goes away when the object is replaced or deleted (unless it is adopted).
    pub body: PathBuf,
    /// Whether the body is a file that was adopted, and so stays where it is for ever.
    pub adopted: bool,
    /// When the object was written, in milliseconds' precision.
    pub last_modified: SystemTime,
    /// The media type that came with the object.
    pub content_type: Option<String>,
    /// The other headers that came with the object.
    pub headers: ObjectHeaders,
    /// The checksums that came with the object.
    pub checksums: Checksums,
}

/// Checksums of an object in base 64, by their names in headers (`x-amz-checksum-…`): `sha256`.
pub type Checksums = BTreeMap<String, String>;

/// Headers that are kept with an object and given back with it.
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

/// An object as the database keeps it.
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

/// Where a body is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// Under this id in the directory of bodies.
    Stored(String),
    /// In a file that is not ours.
    Adopted(OsString),
}

impl Record {
    /// A record of the file `path` as it is now.
    pub(crate) fn of_adopted(path: &Path, metadata: &Metadata) -> Self {
        let modified_ns =
            i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self {
            bytes: metadata.len(),
            // Opaque, and of another form than an MD5, so that nobody compares it with one.
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

    /// The record as the disk has it now: a stored body never changes, but an adopted file may
    /// have been changed (then the object has another size and ETag) or be gone (then it has none).
    pub(crate) fn refreshed(self) -> Option<Self> {
        let Body::Adopted(path) = &self.body else {
            return Some(self);
        };
        let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
        let now = Self::of_adopted(path.as_ref(), &metadata);
        Some(Self {
            bytes: now.bytes,
            etag: now.etag,
            modified_ms: now.modified_ms,
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

/// A multipart upload under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// Milliseconds since the Unix epoch.
    pub(crate) initiated_ms: u64,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: ObjectHeaders,
}

/// One part of a multipart upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    /// The id of its file in the directory of bodies.
    pub(crate) body: String,
    pub(crate) bytes: u64,
    pub(crate) md5: [u8; 16],
    /// Milliseconds since the Unix epoch.
    pub(crate) modified_ms: u64,
}

/// Milliseconds since the Unix epoch.
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

//! The store's errors.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ids::RandomError;

/// A failed operation of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The bucket does not exist.
    #[error("the bucket `{0}` does not exist")]
    NoSuchBucket(String),
    /// S3 does not allow the bucket's name.
    #[error("`{0}` is not a bucket name")]
    InvalidBucketName(String),
    /// The bucket still has objects.
    #[error("the bucket `{0}` is not empty")]
    BucketNotEmpty(String),
    /// The object does not exist.
    #[error("the object `{key}` does not exist in the bucket `{bucket}`")]
    NoSuchKey {
        /// Name of the bucket.
        bucket: String,
        /// The missing key.
        key: String,
    },
    /// The key is empty or longer than 1024 bytes.
    #[error("a key has 1 to 1024 bytes, not {0}")]
    KeyLength(usize),
    /// `If-Match` or `If-None-Match` does not hold.
    #[error("a precondition of the request does not hold")]
    PreconditionFailed,
    /// The multipart upload does not exist, or has ended.
    #[error("the multipart upload `{0}` does not exist")]
    NoSuchUpload(String),
    /// A part to be assembled was not uploaded, or was replaced.
    #[error("part {0} was not uploaded, or has another ETag")]
    InvalidPart(u32),
    /// The list of parts is empty or not ascending.
    #[error("the list of parts is empty or not in ascending order")]
    InvalidPartOrder,
    /// A part other than the last is smaller than 5 MiB.
    #[error("part {number} has {bytes} bytes; all but the last need 5 MiB")]
    PartTooSmall {
        /// Number of the part.
        number: u32,
        /// Size of the part in bytes.
        bytes: u64,
    },
    /// The body ended early, or could not be read from the client.
    #[error("read the body from the client: {0}")]
    Receive(Box<dyn std::error::Error + Send + Sync>),
    /// The file to adopt is not a regular file.
    #[error("`{0}` is not a regular file")]
    NotAFile(PathBuf),
    /// Another process has the data directory open.
    #[error("`{0}` is in use by another process; stop that one or choose another directory")]
    InUse(PathBuf),
    /// The stack was stopped.
    #[error("the object store is closed")]
    Closed,
    /// A file operation failed.
    #[error("{doing} `{path}`: {reason}")]
    Io {
        /// The operation, as a verb.
        doing: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        reason: io::Error,
    },
    /// The metadata database failed. All changes of the commit share this error.
    #[error("use the metadata database: {0}")]
    Database(Arc<redb::Error>),
    /// A metadata record cannot be read or written.
    #[error("read or write a metadata record: {0}")]
    Record(serde_json::Error),
    /// No random name could be made.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A task of the store ended without a result. Its panic is in the log.
    #[error("a task of the object store ended without an answer")]
    TaskDied,
}

impl StoreError {
    /// Adds the operation and the file to an I/O error.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::Io {
            doing,
            path: path.to_owned(),
            reason,
        }
    }
}

macro_rules! database_errors {
    ($($error:ty),+) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::Database(Arc::new(error.into()))
            }
        }
    )+};
}

database_errors!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError
);

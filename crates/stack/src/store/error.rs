//! What can go wrong in the store.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ids::RandomError;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such bucket.
    #[error("the bucket `{0}` does not exist")]
    NoSuchBucket(String),
    /// The bucket's name is not one that S3 takes.
    #[error("`{0}` is not a bucket name")]
    InvalidBucketName(String),
    /// The bucket still has objects in it.
    #[error("the bucket `{0}` is not empty")]
    BucketNotEmpty(String),
    /// There is no such object.
    #[error("the object `{key}` does not exist in the bucket `{bucket}`")]
    NoSuchKey {
        /// The bucket.
        bucket: String,
        /// The key that is missing.
        key: String,
    },
    /// The key is empty or longer than 1024 bytes.
    #[error("a key has 1 to 1024 bytes, not {0}")]
    KeyLength(usize),
    /// `If-Match` or `If-None-Match` does not hold.
    #[error("a precondition of the request does not hold")]
    PreconditionFailed,
    /// The multipart upload does not exist, or not any more.
    #[error("the multipart upload `{0}` does not exist")]
    NoSuchUpload(String),
    /// A part that is to be put together was not uploaded, or changed since.
    #[error("part {0} was not uploaded, or has another ETag")]
    InvalidPart(u32),
    /// The list of parts is empty or not in ascending order.
    #[error("the list of parts is empty or not in ascending order")]
    InvalidPartOrder,
    /// A part other than the last one is smaller than 5 MiB.
    #[error("part {number} has {bytes} bytes; all but the last need 5 MiB")]
    PartTooSmall {
        /// The part's number.
        number: u32,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The body ended early or could not be read from the client.
    #[error("read the body from the client: {0}")]
    Receive(Box<dyn std::error::Error + Send + Sync>),
    /// What is to be adopted is not a regular file.
    #[error("`{0}` is not a regular file")]
    NotAFile(PathBuf),
    /// Another process has the data directory open.
    #[error("`{0}` is in use by another process; stop that one or choose another directory")]
    InUse(PathBuf),
    /// The stack has been stopped.
    #[error("the object store is closed")]
    Closed,
    /// A file operation failed.
    #[error("{doing} `{path}`: {reason}")]
    Io {
        /// The operation, as a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The metadata database failed. The error is shared by all changes of one commit.
    #[error("use the metadata database: {0}")]
    Database(Arc<redb::Error>),
    /// A record in the metadata database cannot be read or written.
    #[error("read or write a metadata record: {0}")]
    Record(serde_json::Error),
    /// No random name can be made.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A task of the store ended without an answer; its panic is in the log.
    #[error("a task of the object store ended without an answer")]
    TaskDied,
}

impl StoreError {
    /// An I/O error with what was being done to which file.
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

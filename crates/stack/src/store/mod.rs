//! The object store behind the S3 server.
//!
//! Bodies are files with random names in `bodies/`. Buckets, keys and object metadata are in
//! `metadata.redb`. A body is complete, under its final name, before the commit that refers to it.
//! So a reader sees either the old object or the new one.
//!
//! **Durability.** A kill of the process (SIGKILL, a panic, the OOM killer) loses no acknowledged
//! write. A crash of the machine or a power cut cannot damage the database and loses no
//! acknowledged metadata: each commit is synced to disk, and concurrent writes share one sync.
//! Bodies are written back by the kernel, within about 30 seconds, because tens of thousands of
//! small images must not wait for the disk one by one. When the store is reopened, it drops objects
//! whose bodies are incomplete on disk, with a warning. Such an object is missing, never truncated.

mod blocking;
mod bodies;
mod buckets;
mod condition;
mod created;
mod error;
mod etags;
mod handle;
mod insert;
mod listing;
mod objects;
mod open;
mod parts;
mod records;
mod tables;
mod uploads;
mod writer;

pub(crate) use bodies::{Received, receive};
pub(crate) use condition::WriteCondition;
pub(crate) use created::Reason;
pub use error::StoreError;
pub use etags::ETags;
pub use handle::Store;
pub(crate) use insert::NewObject;
pub(crate) use listing::{After, Entry, Query};
pub(crate) use objects::Opened;
pub(crate) use parts::CompletePart;
pub use records::{Checksums, ObjectHeaders, ObjectInfo};
pub(crate) use records::{UploadId, from_millis, to_millis};

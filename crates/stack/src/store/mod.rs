//! The object store behind the S3 server.
//!
//! Bodies are files named by a random id in `bodies/`; buckets, keys and all that is known of an
//! object are in `metadata.redb`. A body is whole, and under its final name, before the commit that
//! names it, so that a reader sees the old object or the new one and nothing between.
//!
//! **What survives what.** A kill of the process (SIGKILL, a panic, the OOM killer) loses nothing
//! that was answered. A crash of the machine or a power cut cannot damage the database, and loses
//! no metadata that was answered either: each commit is synced to disk, and concurrent writes share
//! one sync. Bodies, however, are left to the kernel to write back (within about 30 seconds), for
//! tens of thousands of small images must not wait for the disk one by one. Objects whose body did
//! not make it to the disk in whole are dropped, with a warning, when the store is opened again:
//! such an object is then missing, never cut short.

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
pub(crate) use records::{from_millis, to_millis};

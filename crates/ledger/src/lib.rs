//! The ledger of a run: what proves that it is complete, kept in S3 alone.
//!
//! - [`run`]: `run.json`, written first: which version of a source is worked on, and how; and
//!   [`begin`]: how a run replaces another, goes on, and is taken up again.
//! - [`receipt`]: one for each slice, written when its objects are up or when it has failed for
//!   good.
//! - [`manifest`]: `manifest.json`, written last, when every slice has a receipt; and [`track`],
//!   the WebVTT file that goes with it.
//! - [`complete`](mod@complete): how the last worker finds out that it is the last, and how completion
//!   is announced exactly once.
//! - [`excerpts`]: which part of the source each slice needs, where events are too small for it.
//! - [`send`]: our events; and [`sending`], who sends the slices of a run, and when.
//! - [`verify`](mod@verify): whether the objects are what the receipts say.
//!
//! - [`checksum`]: what an object's content is known by.
//!
//! All stand on conditional writes to single objects ([`bucket`]) and on listings ([`listing`]); there is no database, no lock
//! and no clock in it.

pub mod begin;
pub mod bucket;
pub mod checksum;
pub mod complete;
pub mod error;
pub mod excerpts;
pub mod listing;
pub mod manifest;
pub mod outcome;
pub mod receipt;
pub mod run;
pub mod send;
pub mod sending;
pub mod track;
pub mod verify;

use aws_sdk_eventbridge::Client;
use bucket::Bucket;

/// Where the ledgers are, and where completion is announced.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The bucket of the outputs.
    pub bucket: Bucket,
    /// A client for the event bus.
    pub bus: Client,
    /// Name of the event bus.
    pub bus_name: String,
}

impl Ledger {
    /// The ledgers in the bucket of this name, which `s3` reaches, whose runs are announced on this `bus`.
    pub fn new(
        s3: aws_sdk_s3::Client,
        bucket: impl Into<String>,
        bus: Client,
        bus_name: impl Into<String>,
    ) -> Self {
        Self {
            bucket: Bucket::new(s3, bucket),
            bus,
            bus_name: bus_name.into(),
        }
    }
}

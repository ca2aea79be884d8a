//! The ledger of a run: S3 objects that prove that the run is complete.
//!
//! - [`run`]: `run.json`, written first. It names the version of the source and the settings.
//! - [`begin`]: how a run replaces another, is resumed, and is reopened.
//! - [`receipt`]: one for each job, written when its objects are uploaded or it has failed
//!   permanently.
//! - [`overview`]: what is written when all sheets of the overview have receipts.
//! - [`manifest`]: `manifest.json`, written last, when every job has a receipt.
//! - [`track`]: the WebVTT file beside the manifest.
//! - [`take_over`] and [`remove_old`]: what becomes of the objects of an earlier run.
//! - [`complete`](mod@complete): how the last worker finds out that it is the last, and announces the
//!   run exactly once.
//! - [`excerpts`]: how excerpts reach the workers.
//! - [`send`] and [`sending`]: our events, and who sends a run's slices, and when.
//! - [`verify`](mod@verify): whether the objects are as the receipts say.
//! - [`checksum`]: what identifies an object's content.
//!
//! All of them use only conditional writes to single objects ([`bucket`]) and listings ([`listing`]).
//! There is no database and no lock, and correctness depends on no clock.

pub mod begin;
pub mod bucket;
pub mod checksum;
pub mod complete;
pub mod cost;
mod derived;
pub mod error;
pub mod excerpts;
pub mod listing;
pub mod manifest;
pub mod outcome;
pub mod overview;
pub mod receipt;
pub mod remove_old;
pub mod run;
pub mod send;
pub mod sending;
pub mod take_over;
pub mod track;
pub mod verify;

use aws_sdk_eventbridge::Client;

pub use crate::{
    bucket::{Bucket, Precondition, PutRequest, Race, Seen},
    checksum::Sha256,
    complete::{Authority, Completer, Completion},
    cost::Cost,
    error::LedgerError,
    excerpts::Excerpts,
    listing::Listed,
    manifest::{Manifest, ManifestJob, ManifestOverview, SlowSlice, Status, Totals},
    outcome::{
        FramesOutput, GifOutput, JobFailure, LostTile, Object, Outcome, Outputs, SheetOutputs,
        SliceOutputs, StoryboardOutput, TileOutput,
    },
    overview::OverviewReceipt,
    receipt::{Receipt, Receipts, Work},
    run::{Run, RunMark, SourceFacts, Versioned},
    verify::Wrong,
};

/// The ledgers of all runs in one bucket, and the bus that announces them.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Bucket of the outputs.
    pub bucket: Bucket,
    /// Client of the event bus.
    pub bus: Client,
    /// Event bus that all our events go to.
    pub bus_name: String,
}

impl Ledger {
    /// Uses the bucket named `bucket` through `s3`, and the bus named `bus_name` through `bus`.
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

//! What a run costs on Lambda, by its own figures.

use std::env::consts::ARCH;

use serde::{Deserialize, Serialize};

use crate::{
    manifest::Totals,
    receipt::{Receipt, Receipts},
    run::Run,
};

/// Prices of us-east-1 without free tiers, in dollars.
/// <https://aws.amazon.com/lambda/pricing/>, <https://aws.amazon.com/s3/pricing/>,
/// <https://aws.amazon.com/eventbridge/pricing/>
mod prices {
    /// When they were looked up.
    pub const DATE: &str = "us-east-1, 2026-01";
    /// A GB-second on x86-64.
    pub const GB_SECOND: f64 = 0.000_016_666_7;
    /// A GB-second on arm64.
    pub const GB_SECOND_ARM: f64 = 0.000_013_333_4;
    /// An invocation.
    pub const INVOCATION: f64 = 0.2e-6;
    /// A PUT, or a listing.
    pub const PUT: f64 = 5e-6;
    /// A GET, or a HEAD.
    pub const GET: f64 = 0.4e-6;
    /// A custom event of up to 64 KB.
    pub const EVENT: f64 = 1e-6;
}

/// Listings of a worker: its objects, and the receipts.
const LISTINGS_A_JOB: u64 = 2;

/// Reads of a worker beside those of the source: `run.json` twice, and its receipt.
const READS_A_JOB: u64 = 3;

/// Writes of the splitter and of the last worker: `run.json` four times, and the manifest.
const WRITES_A_RUN: u64 = 5;

/// Notices about the whole run.
const EVENTS_A_RUN: u64 = 2;

/// Memory of a worker, in megabytes, with which runs outside of Lambda are priced: one CPU.
const ASSUMED_MEGABYTES: f64 = 1769.0;

/// What a run costs. The splitter's time is not in it; it takes a few seconds of one function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cost {
    /// All of it, in dollars.
    pub dollars: f64,
    /// Wall time of the workers multiplied by memory, in GB-seconds.
    pub gb_seconds: f64,
    /// Whether the time was not measured on Lambda, so that these GB-seconds assume a worker with one CPU.
    pub is_estimate: bool,
    /// Invocations of the functions.
    pub invocations: u64,
    /// Requests to S3 that write or list.
    pub puts: u64,
    /// Requests to S3 that read, those for the source included.
    pub gets: u64,
    /// Events on the bus.
    pub events: u64,
    /// Region and date of the prices.
    pub prices: String,
}

impl Cost {
    /// The cost of `run`. What was taken over from an earlier run costs nothing.
    pub(crate) fn of(run: &Run, receipts: &Receipts, totals: &Totals) -> Self {
        let own: Vec<&Receipt> = (receipts.values())
            .filter(|receipt| receipt.taken_from.is_none())
            .collect();
        let sum =
            |count: &dyn Fn(&Receipt) -> u64| own.iter().map(|receipt| count(receipt)).sum::<u64>();
        let attempts = sum(&|receipt| receipt.attempt.into());
        let is_estimate = totals.gb_seconds == 0.0 && totals.worker_milliseconds > 0;
        let gb_seconds = if is_estimate {
            totals.worker_milliseconds as f64 / 1000.0 * ASSUMED_MEGABYTES / 1024.0
        } else {
            totals.gb_seconds
        };
        let price = if ARCH == "aarch64" {
            prices::GB_SECOND_ARM
        } else {
            prices::GB_SECOND
        };
        let mut cost = Self {
            dollars: 0.0,
            gb_seconds: (gb_seconds * 1000.0).round() / 1000.0,
            is_estimate,
            invocations: attempts + 1 + u64::from(run.resumed),
            puts: sum(&|receipt| 1 + LISTINGS_A_JOB + receipt.objects.len() as u64) + WRITES_A_RUN,
            gets: sum(&|receipt| READS_A_JOB + receipt.work.source_requests.unwrap_or(0)),
            events: attempts + EVENTS_A_RUN,
            prices: prices::DATE.to_owned(),
        };
        let dollars = gb_seconds * price
            + cost.invocations as f64 * prices::INVOCATION
            + cost.puts as f64 * prices::PUT
            + cost.gets as f64 * prices::GET
            + cost.events as f64 * prices::EVENT;
        cost.dollars = (dollars * 1e6).round() / 1e6;
        cost
    }
}

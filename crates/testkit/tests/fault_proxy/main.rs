//! Tests of the fault proxy: how each fault affects client and upstream.

mod bus;
mod s3;

use gifgen_testkit::fault_proxy::{Faults, Kind};

/// Each target's first request gets this fault.
fn first(kinds: &'static [Kind]) -> Faults {
    Faults {
        seed: 1,
        rate: 1.0,
        kinds,
        most_per_target: 1,
    }
}

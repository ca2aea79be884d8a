//! CPU time of child processes. On a machine that others use too, it is steadier than the clock.

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};

/// User and system time of all children that have ended and been waited for, and of theirs.
pub fn children_cpu() -> Duration {
    // Fails only for an unknown `who`.
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(Duration::ZERO, |usage| {
        duration(usage.user_time()) + duration(usage.system_time())
    })
}

fn duration(time: TimeVal) -> Duration {
    Duration::from_secs(time.tv_sec().unsigned_abs())
        + Duration::from_micros(time.tv_usec().unsigned_abs())
}

/// Has Criterion measure [`children_cpu`] instead of the clock.
#[derive(Debug)]
pub struct ChildrenCpu;

impl Measurement for ChildrenCpu {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        children_cpu()
    }

    fn end(&self, start: Duration) -> Duration {
        children_cpu().saturating_sub(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

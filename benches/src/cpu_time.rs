//! CPU time of child processes. On a shared machine it is steadier than wall time.

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};

/// User and system time of all descendants that have ended and been waited for.
pub fn children_cpu() -> Duration {
    cpu(UsageWho::RUSAGE_CHILDREN)
}

/// User and system time of this process.
pub fn own_cpu() -> Duration {
    cpu(UsageWho::RUSAGE_SELF)
}

fn cpu(who: UsageWho) -> Duration {
    // Fails only for an unknown `who`.
    getrusage(who).map_or(Duration::ZERO, |usage| {
        duration(usage.user_time()) + duration(usage.system_time())
    })
}

fn duration(time: TimeVal) -> Duration {
    Duration::from_secs(time.tv_sec().unsigned_abs())
        + Duration::from_micros(time.tv_usec().unsigned_abs())
}

/// Makes Criterion measure [`children_cpu`] instead of wall time.
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

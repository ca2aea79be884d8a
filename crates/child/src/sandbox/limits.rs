//! Resource limits of a sandboxed program.

use std::{num::NonZero, thread::available_parallelism, time::Duration};

use rustix::process::{Resource, Rlimit, setrlimit};

/// Address space in bytes, for everything that does not grow with the number of threads. The limit
/// is loose, because programs reserve much that they never use. In MiB of virtual, resident and
/// allocated memory (which `RLIMIT_DATA` counts), 1080p takes 502, 103 and 111, and 4K 546, 130 and
/// 174.
///
/// The largest accepted pictures, 8192 × 4352, take 107 MB in 10-bit 4:2:0. H.264 and HEVC
/// reference 16 of them, and filters and encoders hold some more.
const ADDRESS_SPACE: u64 = 6 * GIB;

/// Address space per thread, in bytes: its stack (8 MiB), its glibc heap (64 MiB, and for a moment
/// twice that, to align it), and the picture that it decodes ahead.
const ADDRESS_SPACE_OF_THREAD: u64 = 256 * MIB;

/// Stack size per thread, in bytes. It counts as allocated whether used or not, and FFmpeg has up
/// to ten threads besides the decoding ones. Alpine links its FFmpeg with this size, and decodes
/// everything that Debian's does with 8 MiB.
const STACK: u64 = 2 * MIB;

/// Largest file that a sandboxed program may write, in bytes. A still of 8192 × 4352 pixels of
/// noise at the best quality takes less than half.
pub const FILE_BYTES: u64 = 128 * MIB;

/// Limit of open files. FFmpeg has three pipes, an input, and two or three outputs.
const OPEN_FILES: u64 = 64;

/// Seconds added to the CPU time that all cores have until the deadline, so that this limit never
/// applies first. It is for the case that nobody is left to enforce the deadline.
const CPU_MARGIN_SECONDS: u64 = 10;

/// Seconds between the signal for too much CPU time and the kill.
const CPU_GRACE_SECONDS: u64 = 5;

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

pub(super) const COUNT: usize = 7;

pub(super) struct Limit {
    resource: Resource,
    value: Rlimit,
}

impl Limit {
    /// Sets the limit `soft`, or the current maximum if that is lower.
    fn new(resource: Resource, soft: u64, hard: u64) -> Self {
        let in_force = highest(resource);
        let value = Rlimit {
            current: Some(soft.min(in_force)),
            maximum: Some(hard.min(in_force)),
        };
        Self { resource, value }
    }

    /// Applies the limit to the calling process. Async-signal-safe.
    pub fn set(&self) -> bool {
        setrlimit(self.resource, self.value).is_ok()
    }
}

/// The limit's maximum; none if the platform refuses to tell. rustix takes such a refusal for
/// impossible.
fn highest(resource: Resource) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the structure outlives the call, and the number is one of Linux's.
    #[expect(
        unsafe_code,
        reason = "rustix panics where the platform refuses the call"
    )]
    unsafe {
        // On refusal, the structure keeps its value.
        libc::getrlimit(resource as _, &raw mut limit);
    }
    limit.rlim_max
}

/// The limits for a program that may run for `left` and allocate `memory` bytes.
pub(super) fn of(left: Duration, memory: Option<u64>) -> [Limit; COUNT] {
    let cores = available_parallelism().map_or(1, NonZero::get) as u64;
    let cpu_seconds = (left.as_secs())
        .saturating_mul(cores)
        .saturating_add(CPU_MARGIN_SECONDS);
    let address_space = ADDRESS_SPACE + ADDRESS_SPACE_OF_THREAD * cores;
    let limit = |resource, value| Limit::new(resource, value, value);
    [
        limit(Resource::As, address_space),
        limit(Resource::Data, memory.unwrap_or(address_space)),
        limit(Resource::Stack, STACK),
        Limit::new(
            Resource::Cpu,
            cpu_seconds,
            cpu_seconds.saturating_add(CPU_GRACE_SECONDS),
        ),
        limit(Resource::Fsize, FILE_BYTES),
        limit(Resource::Core, 0),
        limit(Resource::Nofile, OPEN_FILES),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_cpu_time_lies_behind_the_deadline() {
        let limits = of(Duration::from_secs(100), None);
        let cpu = limits.iter().find(|limit| limit.resource == Resource::Cpu);
        assert!(cpu.unwrap().value.current.unwrap() >= 110);
    }

    #[test]
    fn no_limit_is_above_what_cannot_be_raised() {
        for limit in of(Duration::from_secs(u64::MAX), Some(u64::MAX)) {
            assert!(limit.value.maximum.unwrap() <= highest(limit.resource));
        }
    }
}

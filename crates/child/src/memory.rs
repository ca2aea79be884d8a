//! How much of the function's memory FFmpeg may use.
//!
//! Lambda kills a function that exceeds its memory, and then nobody can report why. FFmpeg's limit
//! is lower, so its allocation fails first. That is a result like any other:
//! [`tooLarge`](gifgen_shared::Reason::TooLarge).

use std::{env, fs, sync::OnceLock};

/// Lambda sets this to the function's memory in MiB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const FUNCTION_MEMORY: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";

/// Lower bound of FFmpeg's limit, in bytes. With less it may fail before it reads the input, in odd
/// ways. Small videos take some 30 MiB.
const LEAST: u64 = 64 * MIB;

const MIB: u64 = 1024 * 1024;

/// Bytes that FFmpeg may allocate if this process grows by up to `reserve` bytes. `None` outside
/// Lambda, where the total is unknown.
pub fn left(reserve: u64) -> Option<u64> {
    // Measured once. What an earlier invocation left in the heap is reused by the next one, so it
    // is part of the reserve. Measured again, a warm function would refuse videos that a cold one
    // renders.
    static AT_FIRST: OnceLock<u64> = OnceLock::new();
    let function: u64 = env::var(FUNCTION_MEMORY).ok()?.parse().ok()?;
    let at_first = *AT_FIRST.get_or_init(resident);
    Some(share(function * MIB, at_first, reserve))
}

fn share(function: u64, resident: u64, reserve: u64) -> u64 {
    function.saturating_sub(resident + reserve).max(LEAST)
}

/// Resident memory of this process in bytes, or 0 if the system does not tell.
pub(crate) fn resident() -> u64 {
    // https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ffmpeg_gets_what_is_left_and_never_less_than_it_takes_to_start() {
        assert_eq!(share(1769 * MIB, 20 * MIB, 200 * MIB), 1549 * MIB);
        assert_eq!(share(128 * MIB, 20 * MIB, 200 * MIB), LEAST);
    }

    #[test]
    fn this_process_is_in_memory() {
        assert!(resident() > MIB);
    }
}

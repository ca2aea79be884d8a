//! Closes inherited file descriptors but the three standard ones.

use std::ffi::{c_int, c_uint};

/// The first descriptor after standard error.
const FIRST: c_int = libc::STDERR_FILENO + 1;

/// Most descriptors that are closed one by one. Lambda limits a function to 1,024.
const MOST: libc::rlim_t = 65_536;

/// Marks all descriptors after standard error as close-on-exec. Async-signal-safe.
///
/// Rust opens files close-on-exec, but the platform that started this process may have left others.
pub(super) fn close_at_exec() -> bool {
    at_once() || one_by_one()
}

/// Needs Linux 5.11. <https://man7.org/linux/man-pages/man2/close_range.2.html>
fn at_once() -> bool {
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: the call takes numbers only; it closes nothing before `exec`.
    #[expect(unsafe_code, reason = "neither std nor rustix has this call")]
    let answer = unsafe { libc::syscall(libc::SYS_close_range, FIRST, c_uint::MAX, flags) };
    answer == 0
}

/// Returns `false` if descriptors above [`MOST`] may exist.
fn one_by_one() -> bool {
    // SAFETY: all zeros are a valid limit, and the call writes to it only.
    #[expect(unsafe_code, reason = "rustix may not be able to ask (see `limits`)")]
    let most = unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        match libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) {
            0 => limit.rlim_cur,
            _ => return false,
        }
    };
    for file in FIRST..most.min(MOST) as c_int {
        // SAFETY: the call takes numbers only. For a closed descriptor it fails, which is harmless.
        #[expect(unsafe_code, reason = "a file of unknown number has no owned handle")]
        unsafe {
            libc::fcntl(file, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
    most <= MOST
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::fd::AsRawFd};

    use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

    use super::*;

    #[test]
    fn a_kernel_without_the_call_closes_files_as_well() {
        let file = File::open("/dev/null").unwrap();
        assert!(file.as_raw_fd() >= FIRST);
        fcntl_setfd(&file, FdFlags::empty()).unwrap();
        one_by_one();
        assert_eq!(fcntl_getfd(&file).unwrap(), FdFlags::CLOEXEC);
    }
}

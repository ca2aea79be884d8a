//! Peak memory of a child.

use std::{io, mem::MaybeUninit};

/// Waits until the child `id` has ended, but leaves its status to be collected. Returns its peak
/// resident memory in bytes; that includes the parent's memory at the fork.
///
/// # Errors
/// There is no such child.
pub(super) fn peak_of_ended(id: u32) -> io::Result<u64> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: the kernel only writes to `usage`, which outlives the call. The C library's
        // `waitid` lacks this argument: https://man7.org/linux/man-pages/man2/waitid.2.html
        #[expect(unsafe_code, reason = "neither std nor rustix tells what a child used")]
        let waited = unsafe {
            libc::syscall(
                libc::SYS_waitid,
                libc::P_PID,
                id,
                std::ptr::null_mut::<libc::siginfo_t>(),
                libc::WEXITED | libc::WNOWAIT,
                usage.as_mut_ptr(),
            )
        };
        if waited == 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: all zeros are a valid `rusage`, and the kernel has written one.
    #[expect(unsafe_code, reason = "the kernel has filled it")]
    let usage = unsafe { usage.assume_init() };
    // Linux counts in KiB.
    Ok(u64::try_from(usage.ru_maxrss).unwrap_or_default() * 1024)
}

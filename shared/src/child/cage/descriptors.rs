//! Which open files a caged program inherits: its three standard ones.

/// Marks all files above standard error to be closed by `exec`. Async-signal-safe.
///
/// Rust opens files so that `exec` closes them; the platform that started this process may have left
/// others.
pub(super) fn close_at_exec() -> bool {
    let first = libc::STDERR_FILENO + 1;
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: the call takes numbers only; it closes nothing before `exec`.
    #[expect(unsafe_code, reason = "neither std nor rustix has this call")]
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, flags) };
    answer == 0
}

//! The user that a function runs as.

use std::{fs, io};

use rustix::{
    fs::{Gid, Uid},
    thread::{
        UnshareFlags, set_thread_groups, set_thread_res_gid, set_thread_res_uid, unshare_unsafe,
    },
};

use crate::error::{Error, While};

/// User id of Lambda's `sbx_user1051`.
pub const UID: u32 = 993;

/// Group id of the same user.
pub const GID: u32 = 990;

/// Whether this user namespace maps the function's user and group, so that root can switch to them.
pub fn is_mapped() -> bool {
    let maps = |file: &str, id: u32| {
        fs::read_to_string(file).is_ok_and(|map| map.lines().any(|line| covers(line, id)))
    };
    maps("/proc/self/uid_map", UID) && maps("/proc/self/gid_map", GID)
}

/// Whether a map's line `first-inside first-outside count` covers `id`.
fn covers(line: &str, id: u32) -> bool {
    let numbers: Vec<u32> = line.split_whitespace().flat_map(str::parse).collect();
    matches!(numbers[..], [first, _, count] if id.checked_sub(first).is_some_and(|at| at < count))
}

/// Switches to the function's user, without supplementary groups or capabilities.
///
/// # Errors
/// The calling process is not root.
pub fn switch() -> Result<(), Error> {
    let (uid, gid) = (Uid::from_raw(UID), Gid::from_raw(GID));
    set_thread_groups(&[]).when("drop the supplementary groups")?;
    set_thread_res_gid(gid, gid, gid).when(format!("become group {GID}"))?;
    set_thread_res_uid(uid, uid, uid).when(format!("become user {UID}"))
}

/// Moves the calling process, which must have one thread, into a user namespace and `more`
/// namespaces. There it is user `uid` and group `gid` with all capabilities. It keeps its
/// supplementary groups, which only root can drop.
///
/// # Errors
/// The system does not allow this user any namespaces.
pub fn enter_user_namespace(uid: u32, gid: u32, more: UnshareFlags) -> Result<(), Error> {
    let namespaces = |action: &str, reason: io::Error| Error::Namespaces {
        action: action.into(),
        reason,
    };
    let (outer_uid, outer_gid) = (rustix::process::geteuid(), rustix::process::getegid());
    unshare(UnshareFlags::NEWUSER | more)
        .map_err(|error| namespaces("make a user namespace", error))?;
    // Without `deny`, the kernel accepts no group map from an unprivileged user.
    for (file, text) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        (
            "/proc/self/uid_map",
            format!("{uid} {} 1", outer_uid.as_raw()),
        ),
        (
            "/proc/self/gid_map",
            format!("{gid} {} 1", outer_gid.as_raw()),
        ),
    ] {
        fs::write(file, text).map_err(|error| namespaces(&format!("write {file}"), error))?;
    }
    Ok(())
}

/// `unshare(2)` without the flag for file descriptors, the only one that can break I/O safety.
#[expect(unsafe_code, reason = "the safe one is deprecated")]
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    assert!(!flags.contains(UnshareFlags::FILES));
    // SAFETY: file descriptors stay shared, see above.
    unsafe { unshare_unsafe(flags) }.map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_map_covers_its_range_only() {
        assert!(covers("         0          0 4294967295", 993));
        assert!(covers("990 100000 4", 993));
        assert!(!covers("990 100000 3", 993));
        assert!(!covers("0 1000 1", 993));
        assert!(!covers("", 993));
    }
}

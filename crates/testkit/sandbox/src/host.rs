//! The phase `host`: sets up a machine like Lambda's.
//!
//! Everything is read-only except a size-limited `/tmp`. There is no `/dev/shm`. Files that a test
//! binds are in `/mnt`, where every user can reach them.

use std::{
    env,
    ffi::CString,
    fs::{self, File},
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags, open},
    mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change},
    process::getuid,
    thread::UnshareFlags,
};

use crate::{
    error::{Error, While},
    identity,
};

/// Directory of the bound files.
pub const BOUND: &str = "/mnt";

/// The only devices.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// A file or directory to bind under another name.
#[derive(Clone, Debug)]
pub struct Bind {
    /// Path on this machine.
    pub source: PathBuf,
    /// Name in [`BOUND`].
    pub name: String,
}

impl std::str::FromStr for Bind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (source, name) = text
            .rsplit_once(':')
            .filter(|(_, name)| !name.is_empty() && !name.contains('/'))
            .ok_or("say PATH:NAME, with a name that has no slash")?;
        Ok(Self {
            source: source.into(),
            name: name.into(),
        })
    }
}

/// Moves the calling process, which must have one thread, to such a machine, with `megabytes` MiB
/// of `/tmp`.
///
/// # Errors
/// The system refuses a step. Then nothing outside the process has changed.
pub fn enter(megabytes: u32, binds: &[Bind]) -> Result<(), Error> {
    let is_root = getuid().is_root() && identity::is_mapped();
    if is_root {
        identity::unshare(UnshareFlags::NEWNS).map_err(|reason| Error::Namespaces {
            action: "make a mount namespace".into(),
            reason,
        })?;
    } else {
        identity::enter_user_namespace(0, 0, UnshareFlags::NEWNS)?;
    }
    // Hides the following mounts from other processes.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).when("make the mounts private")?;
    // Opened before a mount hides them.
    let opened = |path: &Path| {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        open(path, flags, Mode::empty()).when(format!("open {}", path.display()))
    };
    let bound: Vec<_> = binds
        .iter()
        .map(|bind| Ok((bind, opened(&bind.source)?)))
        .collect::<Result<_, Error>>()?;
    let devices: Vec<_> = DEVICES
        .iter()
        .map(|name| Ok((*name, opened(&Path::new("/dev").join(name))?)))
        .collect::<Result<_, Error>>()?;

    set_read_only("/", true, true)?;
    // The function's user namespace is set up through files in `/proc`.
    set_read_only("/proc", false, false)?;

    new_folder("/dev", "mode=0755,size=64k")?;
    for (name, device) in devices {
        bind(&device, &Path::new("/dev").join(name), false)?;
    }
    for (name, target) in [("fd", "/proc/self/fd"), ("stderr", "/proc/self/fd/2")] {
        let link = Path::new("/dev").join(name);
        std::os::unix::fs::symlink(target, link).when(format!("link /dev/{name}"))?;
    }
    set_read_only("/dev", true, false)?;

    new_folder(BOUND, "mode=0755,size=64k")?;
    for (Bind { source, name }, source_file) in bound {
        bind(&source_file, &Path::new(BOUND).join(name), source.is_dir())?;
    }
    set_read_only(BOUND, true, true)?;

    new_folder("/tmp", &format!("mode=1777,size={megabytes}m"))?;
    env::set_current_dir("/").when("change to the folder /")
}

/// Mounts an empty file system in memory.
fn new_folder(path: &str, options: &str) -> Result<(), Error> {
    let options = CString::new(options).map_err(io::Error::from);
    let options = options.when("read the options of a mount")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    // Bound devices keep the flags of their own mount.
    mount("tmpfs", path, "tmpfs", flags, options.as_c_str()).when(format!("mount {path}"))
}

/// Binds an open file or directory to `target`, even if its own path is hidden now.
fn bind(source: &OwnedFd, target: &Path, is_folder: bool) -> Result<(), Error> {
    let action = || format!("bind {}", target.display());
    if is_folder {
        fs::create_dir(target).when(action())?;
    } else {
        File::create(target).when(action())?;
    }
    mount_bind(format!("/proc/self/fd/{}", source.as_raw_fd()), target).when(action())
}

/// Makes the mount at `path` read-only or writable; with `recursive` also the mounts below. A
/// read-only mount is also nosuid: no-new-privileges is not set, so `su` would make a function
/// root.
fn set_read_only(path: &str, read_only: bool, recursive: bool) -> Result<(), Error> {
    // <linux/mount.h>: struct mount_attr, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID.
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    const READ_ONLY: u64 = 1;
    const NO_SET_USER_ID: u64 = 2;
    let (set, clear) = if read_only {
        (READ_ONLY | NO_SET_USER_ID, 0)
    } else {
        (0, READ_ONLY)
    };
    let attributes = Attributes {
        set,
        clear,
        propagation: 0,
        user_namespace: 0,
    };
    let action = format!(
        "make {path} {}",
        if read_only { "read-only" } else { "writable" }
    );
    let name = CString::new(path).map_err(io::Error::from).when(&*action)?;
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: name and attributes outlive the call, and the size is theirs.
    #[expect(unsafe_code, reason = "rustix does not have this call")]
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            name.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    if answer == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error()).when(action)
}

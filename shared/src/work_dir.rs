//! A private directory that is removed with its owner.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};

use tempfile::TempDir;

/// Prefix of the work directories' names. It is ours alone: [`sweep`] removes what it finds under it,
/// also in folders where people keep their own files.
const PREFIX: &str = ".gifgen-work-";

/// An empty directory that is younger than this may not be locked yet.
const LOCK_GRACE: Duration = Duration::from_secs(60);

/// A directory that only its owner can enter, for one invocation or run. Dropping it removes it, also
/// after a panic or a cancelled task. It is locked while in use, so that [`sweep`] recognizes what a
/// killed process left behind.
#[derive(Debug)]
pub struct WorkDir {
    directory: TempDir,
    _lock: File,
}

impl WorkDir {
    /// Creates a work directory in `base`.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn create(base: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(base)?;
        let lock = File::open(directory.path())?;
        lock.lock()?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    /// Path of the directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Removes the directory and its content.
    ///
    /// # Errors
    /// If something in it cannot be removed.
    pub fn remove(self) -> io::Result<()> {
        self.directory.close()
    }
}

/// Removes the work directories in `base` whose processes are dead, and returns how many.
///
/// # Errors
/// If `base` cannot be read. A directory that cannot be opened or removed, such as another user's, is
/// skipped.
pub fn sweep(base: &Path) -> io::Result<usize> {
    let mut swept = 0;
    for entry in fs::read_dir(base)? {
        let entry = entry?;
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_ours && is_directory && is_abandoned(&entry.path()).unwrap_or(false) {
            swept += usize::from(fs::remove_dir_all(entry.path()).is_ok());
        }
    }
    Ok(swept)
}

fn is_abandoned(directory: &Path) -> io::Result<bool> {
    let handle = File::open(directory)?;
    if handle.try_lock().is_err() {
        return Ok(false);
    }
    let age = handle.metadata()?.modified()?.elapsed().unwrap_or_default();
    Ok(age > LOCK_GRACE || fs::read_dir(directory)?.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_directory_is_private_and_gone_at_the_end() {
        let base = tempfile::tempdir().unwrap();
        let work = WorkDir::create(base.path()).unwrap();
        let mode = fs::metadata(work.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::write(work.path().join("a.gif"), "x").unwrap();
        drop(work);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_panic_leaves_nothing_behind() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().to_owned();
        std::thread::spawn(move || {
            let _work = WorkDir::create(&path).unwrap();
            panic!("on purpose");
        })
        .join()
        .unwrap_err();
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_killed_invocations_directory_is_swept_and_a_living_ones_is_not() {
        let base = tempfile::tempdir().unwrap();
        let living = WorkDir::create(base.path()).unwrap();
        fs::write(living.path().join("a.gif"), "x").unwrap();
        let dead = base.path().join(".gifgen-work-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("a.gif"), "x").unwrap();
        fs::create_dir(base.path().join(".gifgen-work-being-made")).unwrap();
        let precious = base.path().join("gifgen-demo.mp4");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("a.gif"), "x").unwrap();
        assert_eq!(sweep(base.path()).unwrap(), 1);
        assert!(!dead.exists());
        assert!(precious.join("a.gif").exists());
        assert!(living.path().exists());
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 3);
    }
}

//! Writes executable files for tests.
//!
//! A file that any process has open for writing cannot be executed (`ETXTBSY`). Between fork and
//! exec, a child of one test has the open files of all tests in the process. So a separate process
//! writes.

use std::{ffi::OsStr, fs, path::Path, process::Command};

/// Copies the file `original` to `path` and makes it executable. Overwrites an existing file in
/// place.
pub fn copy(original: &Path, path: &Path) {
    run("cp", &[original.as_ref(), path.as_ref()]);
    run("chmod", &["755".as_ref(), path.as_ref()]);
}

/// Writes an executable file, a script or binary. Overwrites an existing file in place.
pub fn write(path: &Path, content: impl AsRef<[u8]>) {
    let draft = path.with_extension("draft");
    fs::write(&draft, content).unwrap();
    copy(&draft, path);
    fs::remove_file(draft).unwrap();
}

/// Number of processes that run the script at `path`.
pub fn running(path: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let commands = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    commands
        .filter(|command| String::from_utf8_lossy(command).contains(path))
        .count()
}

fn run(program: &str, arguments: &[&OsStr]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

//! Programs that tests make.
//!
//! A file that anybody has open for writing cannot be executed (`ETXTBSY`). Each process that a test starts
//! has, until it executes its program, what the other tests of the same process have open. So here
//! another process writes.

use std::{ffi::OsStr, fs, path::Path, process::Command};

/// Makes `path` a program with the content of the file `original`; a file that is there gets it.
pub fn copy(original: &Path, path: &Path) {
    run("cp", &[original.as_ref(), path.as_ref()]);
    run("chmod", &["755".as_ref(), path.as_ref()]);
}

/// Makes `path` a program with this content, a script or a binary; a file that is there gets it.
pub fn write(path: &Path, content: impl AsRef<[u8]>) {
    let draft = path.with_extension("draft");
    fs::write(&draft, content).unwrap();
    copy(&draft, path);
    fs::remove_file(draft).unwrap();
}

/// How many processes run the script at `path`.
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

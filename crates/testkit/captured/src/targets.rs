//! The targets of the attempts.

use std::{env, fs, io, path::PathBuf};

/// Precedes the targets in this program's file. In two parts, so that the file contains it only
/// once.
const SEPARATOR: [&str; 2] = ["\ncaptured", " targets:\n"];

#[derive(Debug, Default)]
pub struct Targets {
    /// A text that only the program under test should know.
    pub secret: String,
    /// A local TCP port other than the loopback proxy's.
    pub port: u16,
    /// A file outside the work directory.
    pub file: PathBuf,
}

impl Targets {
    /// Reads the targets from the end of this program's own file.
    pub fn read() -> io::Result<Self> {
        let program = fs::read(env::current_exe()?)?;
        let separator = SEPARATOR.concat();
        let found = program
            .windows(separator.len())
            .rposition(|window| window == separator.as_bytes());
        let at = found.ok_or_else(|| io::Error::other("there are none"))?;
        let text = String::from_utf8_lossy(&program[at + separator.len()..]);
        let mut targets = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match name {
                "secret" => targets.secret = value.into(),
                "port" => targets.port = value.parse().map_err(io::Error::other)?,
                "file" => targets.file = value.into(),
                other => return Err(io::Error::other(format!("unknown target {other:?}"))),
            }
        }
        Ok(targets)
    }
}

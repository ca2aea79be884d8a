//! Requests and bytes, as the counting proxy saw them.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};
use gifgen_testkit::counting_proxy::SourceRead;

/// What was read of a source for one purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(Vec<SourceRead>);

impl Reads {
    /// All of `reads`.
    pub fn new(reads: Vec<SourceRead>) -> Self {
        Self(reads)
    }

    /// How many requests there were, HEADs included.
    pub fn requests(&self) -> u64 {
        self.0.len() as u64
    }

    /// How many bytes came.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|read| read.bytes).sum()
    }
}

/// Requests of all of `reads` together.
pub fn requests(reads: &[Reads]) -> u64 {
    reads.iter().map(Reads::requests).sum()
}

/// Bytes of all of `reads` together.
pub fn bytes(reads: &[Reads]) -> u64 {
    reads.iter().map(Reads::bytes).sum()
}

/// A list of reads in a file: each request with its purpose, range, status, bytes, and when it came.
#[derive(Clone, Debug)]
pub struct Log(String);

impl Default for Log {
    fn default() -> Self {
        Self("purpose\tstart\tafter ms\tmethod\trange\tstatus\tbytes\n".into())
    }
}

impl Log {
    /// Adds what was read for the slice at `start`.
    pub fn add(&mut self, purpose: &str, start: u32, reads: &Reads) {
        for read in &reads.0 {
            let range = read.range.as_deref().unwrap_or("–");
            // Writing to a string does not fail.
            let _ = writeln!(
                self.0,
                "{purpose}\t{start}\t{}\t{}\t{range}\t{}\t{}",
                read.after.as_millis(),
                read.method,
                read.status,
                read.bytes
            );
        }
    }

    /// Writes it to `path`.
    ///
    /// # Errors
    /// If that fails.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, &self.0).with_context(|| format!("failed to write {}", path.display()))
    }
}

//! Requests and bytes, as the counting proxy recorded them.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};
use gifgen_testkit::counting_proxy::SourceRead;

/// The reads of a source for one purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(Vec<SourceRead>);

impl Reads {
    /// Takes the recorded reads.
    pub fn new(reads: Vec<SourceRead>) -> Self {
        Self(reads)
    }
}

/// Sums over several slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Requests, including HEAD.
    pub requests: u64,
    /// Most requests for one slice.
    pub most: u64,
    /// Bytes received.
    pub bytes: u64,
}

impl Total {
    /// Sums up `reads`, one for each slice.
    pub fn of(reads: &[Reads]) -> Self {
        let requests = |reads: &Reads| reads.0.len() as u64;
        Self {
            requests: reads.iter().map(requests).sum(),
            most: reads.iter().map(requests).max().unwrap_or_default(),
            bytes: reads
                .iter()
                .flat_map(|reads| &reads.0)
                .map(|read| read.bytes)
                .sum(),
        }
    }
}

/// A log file of reads: purpose, range, status, bytes and arrival of each request.
#[derive(Clone, Debug)]
pub struct Log(String);

impl Default for Log {
    fn default() -> Self {
        Self("purpose\tstart\tafter ms\tmethod\trange\tstatus\tbytes\n".into())
    }
}

impl Log {
    /// Adds the reads for the slice at `start`.
    pub fn add(&mut self, purpose: &str, start: u32, reads: &Reads) {
        for read in &reads.0 {
            let range = read.range.as_deref().unwrap_or("–");
            // Writing to a `String` cannot fail.
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

    /// Writes the log to `path`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, &self.0).with_context(|| format!("failed to write {}", path.display()))
    }
}

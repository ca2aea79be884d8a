//! What the program prints. Whoever reads it may stop at any time, as `head` does.

use std::io::{self, ErrorKind, Write};

use crate::printable::printable;

/// Whether somebody still reads standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The text was written.
    Reads,
    /// The reader has closed its end, since it has what it wants. That is no error.
    Left,
}

/// Prints `text` and a line end on standard output.
///
/// # Errors
/// If it cannot be written, for example because the disk is full.
pub fn print(text: &str) -> io::Result<Reader> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    match written {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Left),
        Err(error) => Err(error),
    }
}

/// Prints a sentence for people on standard error. The work and its exit code do not depend on whether
/// anybody can read it.
pub fn tell(sentence: &str) {
    writeln!(io::stderr(), "gifgen: {}", printable(sentence)).ok();
}

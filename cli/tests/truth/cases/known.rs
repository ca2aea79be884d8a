//! The cases that do not hold yet.

/// Files of the cases. A case that starts to hold fails the test until it is taken from here.
const KNOWN: &[&str] = &[];

/// Whether a case is known to fail in at least one way.
pub fn is_known(file: &str) -> bool {
    KNOWN.contains(&file)
}

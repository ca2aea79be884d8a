//! The combinations that do not hold yet, so that their files do not fail the test.

use super::{faults::Fault, kinds::Kind};

/// Container, codec and fault; `*` is any.
const KNOWN: &[(&str, &str, Fault)] = &[
    // Its decoder ignores what overflows, and says so of harmless files of old encoders too.
    ("*", "msmpeg4v3", Fault::Random),
];

/// Whether files of this combination may fail.
pub fn is_known(kind: Kind, fault: Fault) -> bool {
    let matches = |name: &str, actual: &str| name == "*" || name == actual;
    KNOWN.iter().any(|(container, codec, known)| {
        matches(container, kind.container) && matches(codec, kind.codec) && *known == fault
    })
}

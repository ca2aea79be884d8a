//! The combinations that do not hold yet, so that their files do not fail the test.

use super::{faults::Fault, kinds::Kind};

/// Container, codec and fault; `*` is any.
const KNOWN: &[(&str, &str, Fault)] = &[
    ("*", "*", Fault::Zeroed),
    ("*", "*", Fault::Random),
    ("*", "*", Fault::Lost),
    ("*", "*", Fault::Repeated),
    ("*", "*", Fault::Forward),
    ("*", "*", Fault::Back),
    ("*", "*", Fault::WildTime),
    ("*", "*", Fault::Joined),
    ("*", "*", Fault::Size),
    ("*", "*", Fault::FalseKeys),
    ("*", "*", Fault::Cut),
];

/// Whether files of this combination may fail.
pub fn is_known(kind: Kind, fault: Fault) -> bool {
    let matches = |name: &str, actual: &str| name == "*" || name == actual;
    KNOWN.iter().any(|(container, codec, known)| {
        matches(container, kind.container) && matches(codec, kind.codec) && *known == fault
    })
}

//! The cases that do not hold yet. A case that starts to hold fails the test until it is taken from here.

use crate::rendered::Way;

/// Files with the ways in which they fail: the length of the slices, and `-` for no excerpts.
const KNOWN: &[(&str, &[&str])] = &[];

/// Whether a case is known to fail in this way.
pub fn is_known(file: &str, way: Way) -> bool {
    let excerpts = if way.with_excerpts { "" } else { "-" };
    let way = format!("{}{excerpts}", way.slice_seconds);
    let mut known = KNOWN.iter();
    known.any(|(known, ways)| *known == file && ways.contains(&way.as_str()))
}

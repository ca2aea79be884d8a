//! Tests what `gifgen` does first at start. It changes its process, so it is alone in it.

use gifgen_child::sealed::close;
use rustix::process::{DumpableBehavior, dumpable_behavior};

#[test]
fn a_child_cannot_look_into_a_process_that_is_closed() {
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
    close();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
}

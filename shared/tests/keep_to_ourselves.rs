//! What the functions do before all else. Alone in its process, which it changes.

use gifgen_shared::child::keep_to_ourselves;
use rustix::process::{DumpableBehavior, dumpable_behavior};

#[test]
fn a_child_cannot_look_into_a_process_that_keeps_to_itself() {
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
    keep_to_ourselves();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
}

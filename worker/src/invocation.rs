//! One invocation of the function.

use gifgen_shared::Deadline;

/// One invocation of the function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Its id, which stays the same when the platform runs it again.
    pub id: String,
    /// Memory of the function in megabytes, which Lambda bills by; `None` outside of it.
    pub memory_megabytes: Option<u32>,
    /// When it must be over.
    pub deadline: Deadline,
}

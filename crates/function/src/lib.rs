//! What both Lambda functions share: how they start, and their transient errors.

mod start;
mod transient_error;

pub use start::{Function, start};
pub use transient_error::TransientError;

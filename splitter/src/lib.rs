//! The splitter: takes the event of a new source and sends one event for each slice.
//!
//! [`Splitter::handle`] has the way of an event from top to bottom.

mod handle;
mod indexing;
mod measure;
pub mod outcome;
mod send;
mod splitter;
pub mod trigger;

pub use gifgen_function::TransientError;
pub use outcome::{Outcome, Status, Summary};
pub use splitter::Splitter;

//! The splitter: takes the event of a new source and sends one event for each slice.

mod indexing;
mod measure;
pub mod outcome;
mod send;
pub mod splitter;
pub mod trigger;

pub use crate::splitter::{SplitError, Splitter};

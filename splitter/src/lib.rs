//! The splitter: a new source comes in, one event per slice goes out.

mod indexing;
mod measure;
pub mod outcome;
pub mod splitter;
pub mod trigger;

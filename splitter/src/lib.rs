//! The splitter: a new source comes in, one event per slice goes out.

mod indexing;
mod measure;
pub mod outcome;
mod send;
pub mod splitter;
pub mod trigger;

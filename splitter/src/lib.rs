//! The splitter: a new source comes in, one event per slice goes out.

pub mod batch;
pub mod outcome;
pub mod publish;
pub mod splitter;
pub mod trigger;

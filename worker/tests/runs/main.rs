//! Whole runs: that each ends with one manifest that is true and one event that says so, whatever
//! fails on the way.

mod ends;
mod etags;
mod many;
mod overviews;
mod reuploads;
mod settings;
mod soak;
mod stops;
mod support;

//! MP4 and QuickTime, plain and fragmented: the pictures' samples by their tables, and for each slice
//! a fragment of our own that holds just those.

mod boxes;
mod clock;
mod cut;
mod edits;
mod film;
mod lanes;
mod moof;
mod parts;
mod sample;
mod search;
mod starts;
mod tables;
mod track;
mod window;
mod write;

pub use film::Film;

//! MP4 and QuickTime, plain and fragmented: the pictures' samples by their tables, and for each slice
//! a fragment of our own that holds just those.

mod boxes;
mod clock;
mod cut;
mod edits;
mod mp4_index;
mod fragment_walk;
mod moof;
mod top_level_boxes;
mod sample;
mod search;
mod fragment_offsets;
mod tables;
mod track;
mod read_ahead;
mod write;

pub use mp4_index::Mp4Index;

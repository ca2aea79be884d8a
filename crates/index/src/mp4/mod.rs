//! MP4 and QuickTime, plain and fragmented: the pictures' samples by their tables, and for each slice
//! a fragment of our own that holds just those.

mod boxes;
mod clock;
mod cut;
mod edits;
mod fragment_offsets;
mod fragment_walk;
mod moof;
mod mp4_index;
mod read_ahead;
mod sample;
mod search;
mod tables;
mod top_level_boxes;
mod track;
mod write;

pub use mp4_index::Mp4Index;

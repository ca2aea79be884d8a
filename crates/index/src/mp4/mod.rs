//! MP4 and QuickTime, plain and fragmented. Sample tables or fragments list the samples, and each excerpt is a
//! fragmented file of a slice's samples.

mod boxes;
mod clean_aperture;
mod clock;
mod cut;
mod cuts;
mod edits;
mod fragment_listing;
mod fragment_offsets;
mod fragment_search;
mod fragment_walk;
mod keyframes;
mod moof;
mod moov;
mod mp4_index;
mod read_ahead;
mod retimed;
mod sample;
mod samples;
mod tables;
mod top_level_boxes;
mod track;
mod walk_state;
mod write;

pub use keyframes::{Keyframe, KeyframeFile, Piece};
pub use mp4_index::Mp4Index;

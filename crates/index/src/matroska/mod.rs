//! Matroska and WebM: excerpts by the cues, or by searching timestamps where there are none.

mod clusters;
pub(crate) mod cued_block;
pub(crate) mod cues;
pub(crate) mod ebml;
mod excerpts;
pub(crate) mod head;
pub mod ids;
pub(crate) mod keyframe;
pub(crate) mod keyframe_file;
mod length;
pub(crate) mod scan;

pub(crate) use excerpts::excerpts;
pub(crate) use head::Head;
pub(crate) use length::length;

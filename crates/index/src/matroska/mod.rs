//! Matroska and WebM: by their cues, or by what looking into them tells.

pub mod clusters;
pub mod cues;
pub mod ebml;
pub mod excerpts;
pub mod head;
pub mod ids;
pub mod keyframe;
pub mod length;
pub mod scan;

pub use excerpts::excerpts;
pub use head::Head;
pub use length::length;

//! Which bytes of a source a slice needs, and the little header that makes them a file of their own.
//!
//! The splitter reads a source's own index once and makes one [`excerpt::Excerpt`] for each slice;
//! the worker fetches just those bytes and hands them to FFmpeg, which needs no network then.

pub mod container_index;
pub mod excerpt;
pub mod feed;
pub mod keyframe;
pub mod last_duration;
pub mod matroska;
pub mod mp4;
pub mod mpegts;
pub mod search;

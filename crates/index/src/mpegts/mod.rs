//! MPEG transport streams. They have no index, so timestamps are searched.

pub(crate) mod codec;
mod excerpts;
pub(crate) mod keyframe;
mod length;
pub(crate) mod packet;
pub(crate) mod programs;
pub(crate) mod stream;

pub(crate) use excerpts::excerpts;
pub(crate) use length::length;
pub(crate) use stream::Stream;

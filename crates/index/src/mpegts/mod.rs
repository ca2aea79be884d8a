//! MPEG transport streams. They have no index, so timestamps are searched.

mod clocks;
pub(crate) mod codec;
mod collector;
mod excerpts;
pub(crate) mod fields;
pub(crate) mod keyframe;
pub(crate) mod keyframe_stream;
pub(crate) mod keyframe_unit;
mod length;
pub(crate) mod packet;
pub(crate) mod parameters;
pub(crate) mod programs;
pub(crate) mod retime;
pub(crate) mod stream;
mod transport;
pub(crate) mod watch;

pub(crate) use excerpts::{excerpts, searched};
pub(crate) use length::length;
pub(crate) use parameters::Parameters;
pub(crate) use stream::Stream;

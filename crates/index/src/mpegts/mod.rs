//! MPEG transport streams, which have no index: times are looked for where the bit rate says.

pub mod codec;
pub mod excerpts;
pub mod keyframe;
pub mod length;
pub mod packet;
pub mod programs;
pub mod stream;

pub use excerpts::excerpts;
pub use length::length;
pub use stream::Stream;

//! What Matroska and MPEG-TS share. Neither lists where all its pictures are, so the byte offsets of timestamps
//! are found by interpolation search.

mod align;
mod clock;
mod length;
mod searched_video;
mod timestamp_map;
mod timestamp_search;

pub(crate) use align::align;
pub(crate) use clock::Clock;
pub(crate) use length::length;
pub(crate) use searched_video::{Keyframe, SearchedVideo};
pub use timestamp_map::Point;
pub(crate) use timestamp_map::TimestampMap;

//! What containers share that do not list where all their pictures are: the byte offsets of timestamps are found by
//! interpolation search, and a clock that starts again by a few readings.

mod align;
mod clock;
mod length;
mod restart;
mod searched_video;
mod timestamp_map;
mod timestamp_search;

pub(crate) use align::align;
pub(crate) use clock::Clock;
pub(crate) use length::length;
pub(crate) use restart::{Dial, Reading, first_reading, restart, runs_back};
pub(crate) use searched_video::{Keyframe, SearchedVideo};
pub use timestamp_map::Point;
pub(crate) use timestamp_map::TimestampMap;

//! Which bytes of a source a slice needs, and the header that makes them a file of their own.
//!
//! The splitter reads a source's own index once and makes one [`Excerpt`] for each slice. The worker fetches just
//! those bytes and feeds them to FFmpeg, which needs no network then.

mod asf;
mod avi;
mod avi_codec;
mod container_index;
mod decoder_restart;
mod error;
mod excerpt;
mod feed;
mod flv;
mod h264_restart;
mod keyframe_query;
mod keyframe_search;
mod last_duration;
pub mod losses;
mod matroska;
mod mp4;
mod mpegts;
mod numbers;
mod ogg;
mod overview;
mod own_keyframe;
pub mod parsers;
mod passage;
mod search;
mod whole_file;

pub use container_index::{ContainerIndex, Excerpts};
pub use error::IndexError;
pub use excerpt::{Demuxer, Excerpt, NoExcerpt, Start};
pub use feed::{FeedError, feed, pipe};
pub use keyframe_query::KeyframeQuery;
pub use mpegts::retime::Packets;
pub use overview::{SheetPlan, SheetTile, feed_sheet, has_plans_without_index, plan_sheets};
pub use whole_file::{Measured, account_for};

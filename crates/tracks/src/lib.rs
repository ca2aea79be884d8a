//! Storyboards in the formats of players: what each track says of sheets that are rendered already.

mod bif;
mod dash;
mod grid;
mod hls;
mod storyboard;
mod webvtt;

pub use bif::bif;
pub use dash::dash;
pub use grid::Grid;
pub use hls::{Hls, hls};
pub use storyboard::{Sheet, Storyboard, Tile};
pub use webvtt::webvtt;

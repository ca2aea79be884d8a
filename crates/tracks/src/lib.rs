//! Storyboards in the formats of players. Sheets are rendered elsewhere; here they are named, and where a format needs
//! it, cut and compressed again.

mod bif;
mod check;
mod cut;
mod dash;
mod error;
mod grid;
mod hls;
mod jellyfin;
mod json;
mod picture;
mod storyboard;
mod track;
mod webvtt;

pub use check::Invalid;
pub use error::TrackError;
pub use picture::PictureError;
pub use storyboard::{Sheet, Storyboard, Tile};
pub use track::{TrackFile, folder, needs_images, track_files};
pub use webvtt::webvtt;

//! A GIF encoder for previews of video: few bytes, near the source, cheap, and in bounded memory.
//!
//! ```
//! use gifgen_encoder::{dither::Dither, encoder::{Encoder, Gif}};
//! use std::num::NonZero;
//!
//! let gif = Gif {
//!     width: NonZero::new(2).unwrap(),
//!     height: NonZero::new(1).unwrap(),
//!     fps: NonZero::new(10).unwrap(),
//!     dither: Dither::Ordered,
//! };
//! let mut encoder = Encoder::new(Vec::new(), gif);
//! encoder.push(&[0, 255, 0, 255, 0, 255])?; // planes: green, blue, red
//! let encoded = encoder.finish()?;
//! assert!(encoded.output.starts_with(b"GIF89a"));
//! # Ok::<(), gifgen_encoder::encoder::EncodeError>(())
//! ```
//!
//! The way of a picture, a file each:
//! 1. `stabilize`: what hardly differs from the picture before is made equal to it.
//! 2. `histogram`, `palette`: the colours of some seconds become at most 255.
//! 3. `dither`: each pixel that changed gets a palette entry, dithered where the picture is smooth.
//! 4. `likeness`, `lzw`: where two entries look alike, the one that packs better is taken.

pub mod dither;
pub mod encoder;
pub mod stages;

mod activity;
mod chapter;
mod frame_encoder;
mod histogram;
mod interchangeable;
mod lzw;
mod nearest;
mod palette;
mod planes;
mod stabilize;

#[cfg(test)]
mod tests;

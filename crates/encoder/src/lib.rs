//! A GIF encoder for video previews: small files, true to the source, cheap, in bounded memory.
//!
//! ```
//! use gifgen_encoder::{Dither, Encoder, Gif};
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
//! # Ok::<(), gifgen_encoder::EncodeError>(())
//! ```
//!
//! Each picture passes these stages, one file each:
//! 1. `stabilize`: pixels that hardly differ from the previous picture keep its colour.
//! 2. `histogram`, `palette`: the colours of a chapter are reduced to at most 255.
//! 3. `dither`: each changed pixel gets a palette entry; smooth parts are dithered.
//! 4. `interchangeable`, `lzw`: of the entries that look alike, the one that compresses best is
//!    used.

mod activity;
mod chapter;
mod dither;
mod encoder;
mod frame_encoder;
mod histogram;
mod interchangeable;
mod lzw;
mod nearest;
mod palette;
mod planes;
mod stabilize;
mod stages;

pub use dither::Dither;
pub use encoder::{EncodeError, Encoded, Encoder, Gif, KEPT_BYTES};
pub use stages::Stages;

#[cfg(test)]
mod tests;

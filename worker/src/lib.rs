//! The worker: a slice event comes in, a GIF and stills go out.

pub mod decoded;
pub mod error;
pub mod failures;
pub mod ffmpeg_args;
pub mod gif;
pub mod invocation;
mod membership;
pub mod outputs;
mod reading;
pub mod render;
pub mod report;
mod slice_work;
pub mod tiles;
mod untracked;
pub mod upload;
pub mod worker;

mod complete;
mod scaling;

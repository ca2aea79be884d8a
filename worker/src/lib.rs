//! The worker: a slice event comes in, a GIF and stills go out.
//!
//! [`Worker::handle`] has the way of an event from top to bottom.

mod answer;
mod attempts;
mod colour;
mod complete;
mod decoded;
mod error;
mod ffmpeg_args;
mod ffmpeg_run;
mod frame_numbers;
mod gif;
mod given_up;
mod handle;
mod inspection;
mod invocation;
mod job;
mod judge;
mod launch;
mod objects;
mod outputs;
mod overview;
mod product;
mod raw_pictures;
mod record;
mod renderer;
mod repairs;
mod resolve;
mod retiming;
mod right_pictures;
mod scaling;
mod silence;
mod source_packets;
mod sources;
mod tiles;
mod timeline;
mod tone_map;
mod upload;
mod worker;

pub use answer::{Answer, Report};
pub use ffmpeg_args::threads_of_function;
pub use gifgen_function::TransientError;
pub use given_up::{BatchAnswer, BatchItemFailure};
pub use invocation::Invocation;
pub use worker::Worker;

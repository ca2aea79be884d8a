//! The keyframes of an overview's sheets, held against what FFmpeg shows of the whole film.

mod chunks_and_tags;
mod codecs;
mod cued;
mod listed;
mod measure;
mod searched;
mod seeds;
#[allow(
    dead_code,
    reason = "shared with another test, which uses other parts of it"
)]
#[path = "../streams/support.rs"]
mod support;
mod whole;

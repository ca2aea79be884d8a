//! What a container says of its video.

use crate::video_stream::VideoStream;

/// A file that breaks off this much before its claimed end, in seconds, is truncated.
pub const MISSING_SECONDS: f64 = 1.0;

/// What a container says of its video.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The stream to render.
    pub video: VideoStream,
    /// Name of the codec, as FFmpeg has it.
    pub codec: String,
    /// Name of the container, as FFmpeg has it.
    pub container: String,
    /// The length that the container claims, in seconds. Headers lie.
    pub claimed_seconds: Option<f64>,
    /// How far the packets' clock is behind the pictures', in seconds: not 0 where packets carry
    /// no presentation times (AVI).
    pub clock_offset: f64,
}

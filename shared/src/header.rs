//! What ffprobe reads from a container's header.

use crate::{crop::Coded, other_stream::OtherStream, video_stream::VideoStream};

/// A file that ends more than this before its claimed end, in seconds, counts as truncated.
pub const MISSING_SECONDS: f64 = 1.0;

/// What the header of a container says about its video.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The stream that is rendered.
    pub video: VideoStream,
    /// The other video streams.
    pub not_chosen: Vec<OtherStream>,
    /// FFmpeg's name of the codec, such as `h264`.
    pub codec: String,
    /// FFmpeg's name of the container, such as `matroska,webm`.
    pub container: String,
    /// The length that the container claims, in seconds. It can be wrong.
    pub claimed_seconds: Option<f64>,
    /// Seconds by which packet timestamps lag behind picture timestamps. Not 0 where packets carry no
    /// pts (AVI).
    pub clock_offset: f64,
    /// Its pictures as they are coded.
    pub coded: Coded,
}

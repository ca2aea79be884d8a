//! Rejections of sources. They are the input's fault and final.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Reason in a `videoRejected` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// No container that holds a video, such as a still image, a playlist or a text.
    NotAVideo,
    /// A media file without a video stream. Cover art does not count as one.
    NoVideoStream,
    /// A video stream without packets.
    EmptyVideo,
    /// Longer than `MAX_VIDEO_HOURS`.
    TooLong,
    /// More pixels in a picture, bytes in a name, streams or memory than the system takes, or pictures of a
    /// shape that no JPG can have.
    TooLarge,
    /// Truncated or damaged beyond what FFmpeg can open, or in a container that is not supported.
    Unreadable,
    /// Encrypted, so that only its owner's players can show it.
    Encrypted,
    /// A video in a codec for which there is no decoder that uploads may use, or in colours that FFmpeg cannot
    /// convert.
    UnsupportedCodec,
    /// Archived by S3 and not restored.
    Archived,
}

/// Why a source is rejected. Never retried: the same bytes give the same answer. When an archived source
/// is restored, S3 sends a new event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Rejection {
    /// The class, for programs.
    pub reason: Reason,
    /// One sentence for people that explains the class.
    pub message: String,
}

impl Rejection {
    /// Rejects for `reason`, with `message` as the sentence for people.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    /// Rejects a source that needs more memory than there is.
    pub fn out_of_memory() -> Self {
        Self::new(
            Reason::TooLarge,
            "it takes more memory than FFmpeg has here; give the functions more memory (SplitterMemory, WorkerMemory), then upload it again",
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name that it has in JSON.
        self.serialize(f)
    }
}

//! Why a source gives no previews: the input's fault, and final.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reasons of a `videoRejected` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// A still image, a playlist, a text: no container that holds a video.
    NotAVideo,
    /// A media file without a video stream; cover art is none.
    NoVideoStream,
    /// A video stream without a single packet.
    EmptyVideo,
    /// Longer than `MAX_VIDEO_HOURS`.
    TooLong,
    /// More pixels in a picture, bytes in a name, streams, or need of memory, than the system takes.
    TooLarge,
    /// Truncated or damaged beyond what FFmpeg can open.
    Unreadable,
    /// In an archive of S3's, and not restored.
    Archived,
}

/// Why this source is rejected. Never retried: the same bytes give the same answer, and an archived
/// source has an event of its own when it is restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Rejection {
    /// The class, for machines.
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
}

impl Rejection {
    /// A rejection for `reason`, explained by `message`.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    /// The rejection of a source that takes more memory than there is.
    pub fn out_of_memory() -> Self {
        Self::new(
            Reason::TooLarge,
            "it takes more memory than FFmpeg has here; give the functions more memory (SplitterMemory, WorkerMemory), then upload it again",
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAVideo => "notAVideo",
            Self::NoVideoStream => "noVideoStream",
            Self::EmptyVideo => "emptyVideo",
            Self::TooLong => "tooLong",
            Self::TooLarge => "tooLarge",
            Self::Unreadable => "unreadable",
            Self::Archived => "archived",
        })
    }
}

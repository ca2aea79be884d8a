//! The video streams of a source that are not rendered.

use serde::{Deserialize, Serialize};

/// A video stream of the source that is not rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherStream {
    /// FFmpeg's index among all streams of the container, from zero.
    pub index: u32,
    /// FFmpeg's name of the codec, or the container's if FFmpeg has none.
    pub codec: String,
    /// Why it is not rendered.
    pub why: NotChosen,
}

/// Why a stream is not rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NotChosen {
    /// Cover art.
    Cover,
    /// No packets where its first pictures should be.
    Empty,
    /// None of its first pictures decodes.
    Undecodable,
    /// It is encrypted.
    Encrypted,
    /// There is no decoder for its codec that uploads may use.
    UnsupportedCodec,
    /// A picture, or a few, beside a film.
    FewPictures,
    /// It is much shorter than another one.
    Short,
    /// It could be rendered, but another one is marked as default, is larger, or comes first.
    OtherPreferred,
}

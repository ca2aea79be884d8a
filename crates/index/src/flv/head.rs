//! The start of a Flash video: its metadata, and its codec.

use gifgen_reader::{BlockCache, ReadError};
use serde::{Deserialize, Serialize};

use super::{
    keyframe_tag::{FLV1_KEYFRAME, SIZE_BYTES, TAG_BYTES, Tag, VIDEO, avc_setup},
    metadata::{ListedKeyframe, listed_keyframes},
};
use crate::{
    decoder_restart::DecoderSetup, matroska::keyframe_file::KeyframeTrack, numbers::big_endian,
};

/// The kind of tags with metadata.
const METADATA: u8 = 18;

/// Longest metadata, in bytes: 24 hours with a keyframe a second.
const MAX_METADATA_BYTES: usize = 2 * 1024 * 1024;

/// Most tags before the first one of the video.
const MAX_TAGS: usize = 64;

/// What is read of the first tag of the video, in bytes: the header of the sequence is short.
const MAX_SETUP_BYTES: u64 = 16 * 1024;

/// What a file says of its video.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FlvHead {
    pub(crate) codec: FlvCodec,
    /// The keyframes that its metadata list.
    pub(crate) keyframes: Vec<ListedKeyframe>,
}

/// A codec whose keyframes are known by their tags. Screen video hides its keyframes, and what newer files add is left to
/// FFmpeg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FlvCodec {
    /// H.264, with its header of the sequence: the content of an `avcC`.
    H264(Vec<u8>),
    /// Sorenson's H.263.
    Flv1,
}

impl FlvCodec {
    /// The track of a file of its keyframes.
    pub(crate) fn track(&self) -> KeyframeTrack {
        let (codec, private) = match self {
            Self::H264(setup) => ("V_MPEG4/ISO/AVC", setup.clone()),
            Self::Flv1 => ("V_MS/VFW/FOURCC", bitmap_header(*b"FLV1")),
        };
        KeyframeTrack {
            codec,
            private,
            size: None,
        }
    }

    /// What starts its decoder anew.
    pub(crate) fn decoder_setup(&self) -> DecoderSetup {
        match self {
            Self::H264(setup) => DecoderSetup::H264(setup.clone()),
            Self::Flv1 => DecoderSetup::Other,
        }
    }
}

/// A `BITMAPINFOHEADER` of a codec.
fn bitmap_header(code: [u8; 4]) -> Vec<u8> {
    const BYTES: u32 = 40;
    let size_and_sides = [BYTES, 0, 0].map(u32::to_le_bytes).concat();
    let planes_and_bits = [1_u16, 24].map(u16::to_le_bytes).concat();
    [&size_and_sides[..], &planes_and_bits, &code, &[0; 20]].concat()
}

impl FlvHead {
    /// Reads the start of a file. `None` if its metadata list no keyframes, or if its codec is another one.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(crate) async fn read(blocks: &BlockCache) -> Result<Option<Self>, ReadError> {
        let start = blocks.read(0..9).await?;
        if !start.starts_with(b"FLV\x01") {
            return Ok(None);
        }
        let mut keyframes = None;
        let mut at = start.get(5..9).map_or(0, big_endian) + SIZE_BYTES as u64;
        for _ in 0..MAX_TAGS {
            let content = at + TAG_BYTES as u64;
            let Some(tag) = Tag::of(&blocks.read(at..content).await?) else {
                break;
            };
            let end = content + tag.bytes as u64;
            if tag.kind == METADATA && tag.bytes <= MAX_METADATA_BYTES && keyframes.is_none() {
                keyframes = listed_keyframes(&blocks.read(content..end).await?);
            }
            if tag.kind == VIDEO {
                let bytes = blocks
                    .read(content..end.min(content + MAX_SETUP_BYTES))
                    .await?;
                let found = keyframes.zip(codec(&bytes));
                return Ok(found.map(|(keyframes, codec)| Self { codec, keyframes }));
            }
            at = end + SIZE_BYTES as u64;
        }
        Ok(None)
    }
}

/// The codec of the video whose first tag has this `content`.
fn codec(content: &[u8]) -> Option<FlvCodec> {
    if content.first() == Some(&FLV1_KEYFRAME) {
        return Some(FlvCodec::Flv1);
    }
    avc_setup(content).map(|setup| FlvCodec::H264(setup.to_vec()))
}

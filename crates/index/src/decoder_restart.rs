//! What lets FFmpeg's decoders start anew with each keyframe of a film.
//!
//! Keyframes of HEVC in open groups carry a number in the order of presentation that only makes sense with the pictures
//! before. FFmpeg shows them in another order then, and with other times. If such a picture (CRA) is marked as one behind a
//! broken link (BLA), its numbers start anew. Behind an end of a sequence they do too, but then FFmpeg drops the picture
//! before. For H.264 see [`crate::h264_restart`], for AV1 and VP9 [`crate::own_keyframe`]. Other codecs need nothing.

use serde::{Deserialize, Serialize};

use crate::{
    h264_restart::{self, restarting_parameters, start_code},
    numbers::big_endian,
    own_keyframe::{is_av1_keyframe, is_vp9_keyframe},
};

/// Kinds of units of HEVC: a keyframe in an open group, and the same behind a broken link.
const CRA: u8 = 21;
const BLA: u8 = 16;

/// Where an `hvcC` says how long the lengths before units are.
const HEVC_LENGTHS: usize = 21;

/// Longest setup, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// How the decoder of a film is set up, whose samples have lengths before their units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DecoderSetup {
    /// That of H.264: the content of an `avcC`.
    H264(Vec<u8>),
    /// That of HEVC: the content of an `hvcC`.
    Hevc(Vec<u8>),
    /// Another codec.
    Other,
    Av1,
    Vp9,
}

/// What starts a decoder anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Restart {
    H264(h264_restart::Restart),
    /// The length of the lengths before units, in bytes.
    Hevc(usize),
    Av1,
    Vp9,
    Nothing,
}

impl DecoderSetup {
    /// Whether it is short enough for an event.
    pub(crate) fn is_short(&self) -> bool {
        match self {
            Self::H264(setup) | Self::Hevc(setup) => setup.len() <= MAX_BYTES,
            Self::Other | Self::Av1 | Self::Vp9 => true,
        }
    }

    /// What stands before keyframes, in turn. `None` if the setup cannot be parsed.
    pub(crate) fn before(&self) -> Option<[Vec<u8>; 2]> {
        match self {
            Self::H264(setup) => restarting_parameters(setup),
            Self::Hevc(_) | Self::Other | Self::Av1 | Self::Vp9 => Some([Vec::new(), Vec::new()]),
        }
    }

    /// What starts its decoder anew. `None` if the setup cannot be parsed.
    pub(crate) fn restart(&self) -> Option<Restart> {
        Some(match self {
            Self::H264(setup) => Restart::H264(h264_restart::Restart::new(setup)?),
            Self::Hevc(setup) => Restart::Hevc(usize::from(setup.get(HEVC_LENGTHS)? & 3) + 1),
            Self::Av1 => Restart::Av1,
            Self::Vp9 => Restart::Vp9,
            Self::Other => Restart::Nothing,
        })
    }
}

impl Restart {
    /// The keyframe `sample`, the `nth` one, as its decoder starts with it. `None` if it is damaged, or no keyframe.
    pub(crate) fn of(&self, sample: &[u8], nth: usize) -> Option<Vec<u8>> {
        match self {
            Self::H264(restart) => restart.before(sample, nth),
            Self::Hevc(length_bytes) => unlinked(sample, *length_bytes),
            Self::Av1 => is_av1_keyframe(sample).then(|| sample.to_vec()),
            Self::Vp9 => is_vp9_keyframe(sample).then(|| sample.to_vec()),
            Self::Nothing => Some(sample.to_vec()),
        }
    }
}

/// The keyframe `sample` of HEVC, behind a broken link. Its length stays. `None` if it is damaged.
fn unlinked(sample: &[u8], length_bytes: usize) -> Option<Vec<u8>> {
    let mut sample = sample.to_vec();
    let mut at = 0;
    while at < sample.len() {
        let start = at.checked_add(length_bytes)?;
        let length = usize::try_from(big_endian(sample.get(at..start)?)).ok()?;
        if let Some(first) = sample.get_mut(start) {
            unlink(first);
        }
        at = start.checked_add(length)?;
    }
    (at == sample.len()).then_some(sample)
}

/// The same for a keyframe with start codes before its units.
pub(crate) fn unlinked_stream(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    let mut at = 0;
    while let Some(code) = data.get(at..).and_then(start_code) {
        at += code + 3;
        if let Some(first) = data.get_mut(at) {
            unlink(first);
        }
    }
    data
}

fn unlink(first: &mut u8) {
    if *first >> 1 & 0x3f == CRA {
        *first = *first & 0x81 | BLA << 1;
    }
}

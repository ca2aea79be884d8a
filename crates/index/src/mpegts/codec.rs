//! Recognises the keyframes of an elementary stream.

use serde::{Deserialize, Serialize};

/// The codec of a video stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Codec {
    /// MPEG-1 or MPEG-2.
    Mpeg2,
    /// H.264.
    H264,
    /// HEVC.
    Hevc,
    /// MPEG-4 part 2.
    Mpeg4,
}

/// How much of a picture is parsed, in bytes: what stands before its first slice is far shorter.
pub(super) const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Stream types of video, by the standard and by usage.
const VIDEO_TYPES: [u8; 14] = [
    0x01, 0x02, 0x10, 0x1b, 0x1e, 0x1f, 0x20, 0x21, 0x24, 0x33, 0x42, 0xd1, 0xd2, 0xea,
];

/// Whether a stream of this stream type holds video.
pub(super) fn is_video(kind: u8) -> bool {
    VIDEO_TYPES.contains(&kind)
}

impl Codec {
    /// The codec of a stream type. `None` if it is not supported.
    pub fn of(kind: u8) -> Option<Self> {
        match kind {
            0x01 | 0x02 => Some(Self::Mpeg2),
            0x10 => Some(Self::Mpeg4),
            0x1b => Some(Self::H264),
            0x24 => Some(Self::Hevc),
            _ => None,
        }
    }

    /// Whether decoding can start with the picture whose data start with `bytes`: whether its parameters are in it.
    pub(super) fn starts_with_keyframe(self, bytes: &[u8]) -> bool {
        self.is_keyframe(bytes, false)
    }

    /// Whether decoding can start with the picture whose data start with `bytes`. `is_known` is whether its parameters are
    /// known if they are not in it.
    pub(super) fn is_keyframe(self, bytes: &[u8], is_known: bool) -> bool {
        let mut parameters = is_known;
        let mut recovers = false;
        for unit in units(bytes.get(..MAX_HEADER_BYTES).unwrap_or(bytes)) {
            let [first, rest @ ..] = unit else { continue };
            match (self, first) {
                (Self::Mpeg2, 0xb3) => parameters = true,
                (Self::Mpeg2, 0x00) => {
                    let kind = rest.get(1).map(|byte| byte >> 3 & 7);
                    return parameters && kind == Some(1);
                }
                (Self::Mpeg2, 0x01..=0xaf) => return false,
                (Self::H264, first) => match first & 0x1f {
                    5 => return parameters,
                    1 | 2 => return parameters && recovers,
                    6 => recovers |= recovery_point(rest),
                    7 => parameters = true,
                    _ => {}
                },
                (Self::Hevc, first) => match first >> 1 & 0x3f {
                    16..=23 => return parameters,
                    0..=31 => return false,
                    33 => parameters = true,
                    _ => {}
                },
                // The header of a layer, then a picture: its kind is in the first two bits.
                (Self::Mpeg4, 0x20..=0x2f) => parameters = true,
                (Self::Mpeg4, 0xb6) => {
                    let is_intra = rest.first().is_some_and(|byte| byte >> 6 == 0);
                    return parameters && is_intra;
                }
                (Self::Mpeg2 | Self::Mpeg4, _) => {}
            }
        }
        false
    }
}

/// The units between start codes.
pub(super) fn units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(bytes);
    std::iter::from_fn(move || {
        let unit = rest?;
        rest = after_start_code(unit);
        let end = rest.map_or(unit.len(), |rest| unit.len() - rest.len() - 3);
        unit.get(..end)
    })
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    let at = bytes.windows(3).position(|code| code == [0, 0, 1])?;
    bytes.get(at + 3..)
}

/// Whether one of the SEI messages is a recovery point with which all pictures from this one on decode right.
fn recovery_point(mut messages: &[u8]) -> bool {
    const RECOVERY_POINT: usize = 6;
    while messages.len() > 2 {
        let Some((kind, rest)) = number(messages) else {
            return false;
        };
        let Some((length, rest)) = number(rest) else {
            return false;
        };
        if kind == RECOVERY_POINT {
            // The count of pictures until the recovery is 0 if its code starts with a 1.
            return rest.first().is_some_and(|byte| byte & 0x80 != 0);
        }
        messages = rest.get(length..).unwrap_or_default();
    }
    false
}

/// A number that is the sum of bytes up to the first below 255, and what follows it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let full = bytes.iter().take_while(|byte| **byte == 255).count();
    let last = usize::from(*bytes.get(full)?);
    Some((full * 255 + last, bytes.get(full + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: [u8; 6] = [0, 0, 0, 1, 0x67, 0x64];
    const SLICE: [u8; 6] = [0, 0, 1, 0x41, 0x9a, 0x00];

    #[test]
    fn an_idr_picture_is_a_keyframe_only_with_its_parameters() {
        let idr = [0, 0, 1, 0x65, 0x88, 0x84];
        assert!(Codec::H264.starts_with_keyframe(&[SPS, idr].concat()));
        assert!(!Codec::H264.starts_with_keyframe(&idr));
        assert!(!Codec::H264.starts_with_keyframe(&[SPS, SLICE].concat()));
    }

    #[test]
    fn a_recovery_point_counts_if_recovery_is_immediate() {
        let now: [u8; 7] = [0, 0, 1, 6, 6, 1, 0x84];
        let later: [u8; 7] = [0, 0, 1, 6, 6, 1, 0x44];
        let with = |message: &[u8]| [&SPS, message, &[0x80], &SLICE].concat();
        assert!(Codec::H264.starts_with_keyframe(&with(&now)));
        assert!(!Codec::H264.starts_with_keyframe(&with(&later)));
    }

    #[test]
    fn a_keyframe_needs_no_parameters_of_its_own_if_they_are_known() {
        let recovery = [&[0, 0, 1, 6, 6, 1, 0x84, 0x80], &SLICE[..]].concat();
        let idr = [0, 0, 1, 0x65, 0x88, 0x84];
        for keyframe in [&recovery, &idr[..]] {
            assert!(!Codec::H264.is_keyframe(keyframe, false));
            assert!(Codec::H264.is_keyframe(keyframe, true));
        }
        assert!(!Codec::H264.is_keyframe(&SLICE, true));
    }

    #[test]
    fn an_intra_picture_behind_a_sequence_header_is_a_keyframe_of_mpeg2() {
        let header = [0, 0, 1, 0xb3, 0x78, 0x04, 0, 0, 1, 0xb8, 0, 0];
        let picture = |kind: u8| [0, 0, 1, 0, 0, kind << 3, 0, 0];
        assert!(Codec::Mpeg2.starts_with_keyframe(&[&header[..], &picture(1)].concat()));
        assert!(!Codec::Mpeg2.starts_with_keyframe(&[&header[..], &picture(2)].concat()));
        assert!(!Codec::Mpeg2.starts_with_keyframe(&picture(1)));
    }

    #[test]
    fn an_intra_picture_behind_the_header_of_a_layer_is_a_keyframe_of_mpeg4() {
        let header = [
            0, 0, 1, 0xb0, 1, 0, 0, 1, 0xb5, 0x89, 0, 0, 1, 0x20, 0, 0xc4,
        ];
        let picture = |kind: u8| [0, 0, 1, 0xb6, kind << 6 | 0x10, 0];
        assert!(Codec::Mpeg4.starts_with_keyframe(&[&header[..], &picture(0)].concat()));
        assert!(!Codec::Mpeg4.starts_with_keyframe(&[&header[..], &picture(1)].concat()));
        assert!(!Codec::Mpeg4.starts_with_keyframe(&picture(0)));
    }
}

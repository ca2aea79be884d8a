//! A Matroska file that we write: one video track, whose blocks are keyframes of another container.

use super::{cued_block::cluster_of, ids};

/// A tick, in nanoseconds. Rates such as 24000/1001 have no whole number of milliseconds.
const TICK_NANOSECONDS: u32 = 1_000;

/// Ticks in a second.
const TICKS: f64 = 1e9 / TICK_NANOSECONDS as f64;

/// The number of the track, as a block says it.
const TRACK: u8 = 0x81;

/// The track of such a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyframeTrack {
    /// Matroska's name of the codec.
    pub(crate) codec: &'static str,
    /// What its decoder needs to know.
    pub(crate) private: Vec<u8>,
    /// Width and height of its pictures, in pixels, if the decoder does not find them in each keyframe.
    pub(crate) size: Option<(u32, u32)>,
}

impl KeyframeTrack {
    /// What stands before the blocks.
    pub(crate) fn header(&self) -> Vec<u8> {
        const EBML_VERSION: u32 = 0x4286;
        const EBML_READ_VERSION: u32 = 0x42f7;
        const DOC_TYPE: u32 = 0x4282;
        const DOC_TYPE_VERSION: u32 = 0x4287;
        const DOC_TYPE_READ_VERSION: u32 = 0x4285;
        const TRACK_UID: u32 = 0x73c5;
        const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let head = [
            number(EBML_VERSION, 1),
            number(EBML_READ_VERSION, 1),
            element(DOC_TYPE, b"matroska"),
            number(DOC_TYPE_VERSION, 4),
            number(DOC_TYPE_READ_VERSION, 2),
        ];
        let video = self.size.map_or(Vec::new(), |(width, height)| {
            let sides = [
                number(ids::PIXEL_WIDTH, width),
                number(ids::PIXEL_HEIGHT, height),
            ];
            sides.concat()
        });
        let track = [
            number(ids::TRACK_NUMBER, 1),
            number(TRACK_UID, 1),
            number(ids::TRACK_TYPE, 1),
            element(ids::CODEC, self.codec.as_bytes()),
            element(ids::CODEC_PRIVATE, &self.private),
            element(ids::VIDEO, &video),
        ];
        let track = element(ids::TRACK, &track.concat());
        [
            element(ids::EBML, &head.concat()),
            ids::SEGMENT.to_be_bytes().to_vec(),
            UNKNOWN_SIZE.to_vec(),
            element(ids::INFO, &number(ids::TIMESTAMP_SCALE, TICK_NANOSECONDS)),
            element(ids::TRACKS, &track),
        ]
        .concat()
    }
}

/// A cluster with the keyframe `picture`, which is shown at `pts` in seconds, not before 0.
pub(crate) fn keyframe_at(pts: f64, picture: &[u8]) -> Vec<u8> {
    const KEYFRAME: u8 = 0x80;
    let block = [&[TRACK, 0, 0, KEYFRAME], picture].concat();
    let timestamp = (pts * TICKS).round() as i64;
    cluster_of(timestamp, &element(ids::SIMPLE_BLOCK, &block))
}

fn number(id: u32, number: u32) -> Vec<u8> {
    element(id, &number.to_be_bytes())
}

fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let id_bytes = (u32::BITS - id.leading_zeros()).div_ceil(8) as usize;
    let size = content.len() as u64 | 1 << 56;
    let id = id.to_be_bytes();
    [&id[id.len() - id_bytes..], &size.to_be_bytes(), content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matroska::{
        ebml::{child, elements, unsigned},
        scan::{cluster, first},
    };

    #[test]
    fn the_header_says_what_the_track_is() {
        let track = KeyframeTrack {
            codec: "V_MS/VFW/FOURCC",
            private: vec![7; 300],
            size: Some((1920, 1080)),
        };
        let header = track.header();
        let segment = child(&header, ids::SEGMENT).unwrap();
        let info = child(segment, ids::INFO).unwrap();
        assert_eq!(unsigned(info, ids::TIMESTAMP_SCALE), Some(1_000));
        let tracks = child(segment, ids::TRACKS).unwrap();
        let (_, _, entry) = elements(tracks).next().unwrap();
        assert_eq!(child(entry, ids::CODEC_PRIVATE), Some(&[7; 300][..]));
        let video = child(entry, ids::VIDEO).unwrap();
        assert_eq!(unsigned(video, ids::PIXEL_WIDTH), Some(1920));
    }

    #[test]
    fn a_keyframe_has_its_time_in_microseconds() {
        let written = keyframe_at(1001.0 / 24000.0, b"picture");
        let head = cluster(&written).unwrap();
        assert_eq!(head.timestamp, 41_708);
        let element = &written[head.header.header as usize + 10..];
        let block = first(element, head.timestamp, 1).unwrap();
        assert!(block.is_keyframe && block.pts == 41_708);
        assert!(element.ends_with(b"picture"));
    }
}

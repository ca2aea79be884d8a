//! The tag of a keyframe, and what stands before it.

use super::FlvCodec;
use crate::numbers::big_endian;

/// Bytes of the header of a tag, and of the size behind each.
pub(crate) const TAG_BYTES: usize = 11;
pub(crate) const SIZE_BYTES: usize = 4;

/// The kind of tags with video.
pub(super) const VIDEO: u8 = 9;

/// How much later than its timestamp FFmpeg lets a picture be presented, in ms: else it takes both for wrong.
const MAX_LATER: i64 = 15 * 60 * 1000;

/// The first byte of a keyframe, and of headers, in H.264; the first one of a keyframe in Sorenson's H.263.
const AVC_KEYFRAME: u8 = 0x17;
pub(super) const FLV1_KEYFRAME: u8 = 0x12;

/// The second byte of a header in H.264, and of a picture.
const AVC_HEADER: u8 = 0;
const AVC_PICTURE: u8 = 1;

/// A tag as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) kind: u8,
    /// Bytes of its content.
    pub(crate) bytes: usize,
    /// Its timestamp, in ms.
    pub(crate) ms: i64,
}

impl Tag {
    /// The tag at the start of `bytes`. `None` if that is none.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let [kind, _, _, _, a, b, c, high, 0, 0, 0] = *bytes.first_chunk::<TAG_BYTES>()? else {
            return None;
        };
        matches!(kind, 8 | VIDEO | 18).then(|| Self {
            kind,
            bytes: big_endian(&bytes[1..4]) as usize,
            ms: u32::from_be_bytes([high, a, b, c]).into(),
        })
    }

    pub(crate) fn is_video(self) -> bool {
        self.kind == VIDEO
    }

    /// Its bytes with header and the size behind it.
    pub(crate) fn length(self) -> usize {
        TAG_BYTES + self.bytes + SIZE_BYTES
    }
}

/// A keyframe, and when it is presented, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyframeTag<'a> {
    pub(crate) pts: i64,
    pub(crate) picture: &'a [u8],
}

/// The keyframe in the tag at the start of `bytes`. `None` if none of `codec` is there, or not all of it.
pub(crate) fn keyframe_tag<'a>(bytes: &'a [u8], codec: &FlvCodec) -> Option<KeyframeTag<'a>> {
    let tag = Tag::of(bytes).filter(|tag| tag.kind == VIDEO)?;
    let (content, behind) = bytes.get(TAG_BYTES..)?.split_at_checked(tag.bytes)?;
    let size = big_endian(behind.get(..SIZE_BYTES)?) as usize;
    if size != TAG_BYTES + tag.bytes {
        return None;
    }
    let (later, picture) = match (codec, content) {
        (FlvCodec::H264(_), [AVC_KEYFRAME, AVC_PICTURE, a, b, c, picture @ ..]) => {
            // Negative if the highest bit is set.
            let later = i64::from(i32::from_be_bytes([*a, *b, *c, 0]) >> 8);
            (later, picture)
        }
        (FlvCodec::Flv1, [FLV1_KEYFRAME, picture @ ..]) => (0, picture),
        _ => return None,
    };
    let is_possible = (0..=MAX_LATER).contains(&later) && !picture.is_empty();
    is_possible.then_some(KeyframeTag {
        pts: tag.ms + later,
        picture,
    })
}

/// The header of the sequence in `content` of a tag with video.
pub(super) fn avc_setup(content: &[u8]) -> Option<&[u8]> {
    match content {
        [AVC_KEYFRAME, AVC_HEADER, _, _, _, setup @ ..] => Some(setup),
        _ => None,
    }
}

/// Whether the tags at the end of `before` bring another header of the sequence than that of `codec`, behind the picture
/// before. They are followed back as far as `before` reaches.
pub(crate) fn changes_setup(before: &[u8], codec: &FlvCodec) -> bool {
    let FlvCodec::H264(known) = codec else {
        return false;
    };
    let mut rest = before;
    while let Some((tags, size)) = rest.split_last_chunk::<SIZE_BYTES>() {
        let size = big_endian(size) as usize;
        let Some(tag) = tags.len().checked_sub(size).and_then(|at| tags.get(at..)) else {
            return false;
        };
        let Some(head) = Tag::of(tag).filter(|head| head.bytes + TAG_BYTES == size) else {
            return false;
        };
        let content = tag.get(TAG_BYTES..).unwrap_or_default();
        if head.kind == VIDEO {
            return avc_setup(content).is_some_and(|setup| setup != known);
        }
        rest = tags.get(..tags.len() - size).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: u8, ms: u32, content: &[u8]) -> Vec<u8> {
        let [high, time @ ..] = ms.to_be_bytes();
        let size = content.len() as u8;
        let behind = u32::from(size) + 11;
        [
            &[kind, 0, 0, size][..],
            &time,
            &[high, 0, 0, 0],
            content,
            &behind.to_be_bytes(),
        ]
        .concat()
    }

    fn h264() -> FlvCodec {
        FlvCodec::H264(b"setup".to_vec())
    }

    #[test]
    fn a_keyframe_is_presented_later_than_its_tag() {
        let whole = tag(VIDEO, 0x0100_0002, &[0x17, 1, 0, 0, 80, 7, 7]);
        let found = keyframe_tag(&whole, &h264()).unwrap();
        assert_eq!((found.pts, found.picture), (0x0100_0002 + 80, &[7, 7][..]));
        let flv1 = tag(VIDEO, 40, &[0x12, 9]);
        let found = keyframe_tag(&flv1, &FlvCodec::Flv1).unwrap();
        assert_eq!((found.pts, found.picture), (40, &[9][..]));
    }

    #[test]
    fn what_is_no_whole_keyframe_of_the_codec_is_none() {
        let whole = tag(VIDEO, 0, &[0x17, 1, 0, 0, 0, 7]);
        assert!(keyframe_tag(&whole[..whole.len() - 1], &h264()).is_none());
        let mut wrong_size = whole.clone();
        *wrong_size.last_mut().unwrap() += 1;
        assert!(keyframe_tag(&wrong_size, &h264()).is_none());
        for content in [
            &[0x27, 1, 0, 0, 0, 7][..],
            &[0x17, 0, 0, 0, 0, 7],
            &[0x17, 1, 0xff, 0xff, 0xff, 7],
            &[0x17, 1, 0, 0, 0],
            &[0x97, 1, 0, 0, 0, 7],
            &[0x12, 1],
        ] {
            assert!(keyframe_tag(&tag(VIDEO, 0, content), &h264()).is_none());
        }
        assert!(keyframe_tag(&tag(8, 0, &[0x17, 1, 0, 0, 0, 7]), &h264()).is_none());
    }

    #[test]
    fn another_header_of_the_sequence_before_a_keyframe_is_seen() {
        let header = |setup: &[u8]| tag(VIDEO, 0, &[&[0x17, 0, 0, 0, 0], setup].concat());
        let sound = tag(8, 0, &[1, 2, 3]);
        let picture = tag(VIDEO, 0, &[0x27, 1, 0, 0, 0, 7]);
        let before = |tags: &[&[u8]]| changes_setup(&tags.concat(), &h264());
        assert!(before(&[&picture, &header(b"other"), &sound]));
        assert!(!before(&[&picture, &header(b"setup"), &sound]));
        assert!(!before(&[&header(b"other"), &picture, &sound]));
        assert!(!before(&[&sound[3..]]) && !before(&[]));
    }
}

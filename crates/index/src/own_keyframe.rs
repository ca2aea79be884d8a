//! Whether a sample of AV1 or VP9 is a keyframe by its own bits.
//!
//! A sample of a few bits shows an earlier picture again. FFmpeg calls it a keyframe if that picture was one, so that
//! among keyframes alone it shows another picture than in the film.

/// Kinds of units (OBU) of AV1: a picture's header, and a header with its picture.
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

/// Whether the first picture of AV1's `sample` is a keyframe that is shown.
/// <https://aomediacodec.github.io/av1-spec/#uncompressed-header-syntax>
pub(crate) fn is_av1_keyframe(sample: &[u8]) -> bool {
    first_av1_picture(sample).is_some_and(|first| {
        let shows_existing = first & 0x80 != 0;
        let kind = first >> 5 & 0b11;
        let is_shown = first & 0x10 != 0;
        !shows_existing && kind == 0 && is_shown
    })
}

/// The first byte of the first header of a picture.
fn first_av1_picture(sample: &[u8]) -> Option<u8> {
    let mut rest = sample;
    loop {
        let (header, behind) = rest.split_first()?;
        let has_extension = header & 0b100 != 0;
        let has_size = header & 0b10 != 0;
        let behind = behind.get(usize::from(has_extension)..)?;
        let kind = header >> 3 & 0b1111;
        // A unit without a size is the last one.
        let (size, content) = match has_size {
            true => leb128(behind)?,
            false => (behind.len(), behind),
        };
        if matches!(kind, FRAME_HEADER | FRAME) {
            return content.get(..size)?.first().copied();
        }
        rest = content.get(size..)?;
    }
}

/// A number of up to four bytes, seven bits each, and what is behind it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (place, byte) in bytes.iter().take(4).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[place + 1..]));
        }
    }
    None
}

/// Whether the first picture of VP9's `sample` is a keyframe that is shown.
/// <https://storage.googleapis.com/downloads.webmproject.org/docs/vp9/vp9-bitstream-specification-v0.7-20170222-draft.pdf>,
/// section 6.2.
pub(crate) fn is_vp9_keyframe(sample: &[u8]) -> bool {
    let bits = sample
        .get(..2)
        .map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    bits.is_some_and(|bits| {
        let bit = |place: u32| bits >> (15 - place) & 1 == 1;
        let is_marked = bit(0) && !bit(1);
        // Profile 3 has a reserved bit.
        let shows_existing = if bit(2) && bit(3) { 5 } else { 4 };
        let is_other_kind = bit(shows_existing + 1);
        let is_shown = bit(shows_existing + 2);
        is_marked && !bit(shows_existing) && !is_other_kind && is_shown
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_picture_of_av1_that_is_shown_again_is_no_keyframe() {
        let delimiter = [0x12, 0];
        let shown_again = [&delimiter[..], &[0x1a, 1, 0xe0]].concat();
        assert!(!is_av1_keyframe(&shown_again));
        let sequence = [0x0a, 3, 0, 0, 0];
        let keyframe = [0x32, 2, 0x10, 0];
        assert!(is_av1_keyframe(
            &[&delimiter[..], &sequence, &keyframe].concat()
        ));
        // The last unit may have no size.
        assert!(is_av1_keyframe(&[&sequence[..], &[0x30, 0x10, 0]].concat()));
        for other in [0x00, 0x20, 0x30, 0x50, 0x70, 0x90] {
            assert!(!is_av1_keyframe(&[0x32, 1, other]), "{other:#x}");
        }
    }

    #[test]
    fn a_picture_of_vp9_that_is_shown_again_is_no_keyframe() {
        assert!(is_vp9_keyframe(&[0x82, 0x49]));
        assert!(is_vp9_keyframe(&[0xb1, 0x24]));
        for (what, first) in [("again", 0x88), ("predicted", 0x86), ("hidden", 0x80)] {
            assert!(!is_vp9_keyframe(&[first, 0x49]), "{what}");
        }
        assert!(!is_vp9_keyframe(&[0x82]));
    }

    proptest! {
        #[test]
        fn no_sample_makes_it_panic(sample in prop::collection::vec(any::<u8>(), 0..40)) {
            is_av1_keyframe(&sample);
            is_vp9_keyframe(&sample);
        }
    }
}

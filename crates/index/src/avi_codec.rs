//! Which codecs of an AVI have keyframes that can be shown by themselves, at the time of their chunk.
//!
//! FFmpeg gives each chunk the time of its number. A picture is shown at that time only if its codec never presents
//! pictures in another order. And a keyframe counts only if nothing but keyframes exists in its codec, or if its decoder
//! tells that it is one.

use crate::{avi::AviFile, matroska::keyframe_file::KeyframeTrack, numbers::little_endian_32};

/// Bytes of a `BITMAPINFOHEADER`. What the decoder needs to know follows.
const HEADER_BYTES: usize = 40;

/// Where it has the size of the header with what follows, the width, the height, the depth in bits, and the codec.
const SIZE: usize = 0;
const WIDTH: usize = 4;
const HEIGHT: usize = 8;
const BITS: usize = 14;
const CODEC: usize = 16;

/// Longest format, in bytes, so that a plan fits into its event.
const MAX_FORMAT_BYTES: usize = 16 * 1024;

/// Codes of codecs whose pictures are presented in the order of their chunks: Motion JPEG, Huffyuv, Ut Video, FFV1,
/// pictures that are not compressed, and ZMBV. MS-MPEG-4 and WMV are not among them: their decoders show random data
/// without a word.
const IN_ORDER: [&[u8; 4]; 17] = [
    b"MJPG", b"HFYU", b"FFVH", b"ULRA", b"ULRG", b"ULY0", b"ULY2", b"ULY4", b"ULH0", b"ULH2",
    b"ULH4", b"FFV1", b"I420", b"YV12", b"YUY2", b"UYVY", b"ZMBV",
];

/// The same of MagicYUV, which has a code for each kind of pixels.
const MAGIC_YUV: [&[u8; 2]; 3] = [b"M8", b"M0", b"M2"];

/// Codes of MPEG-4, whose pictures may be presented in another order.
const MPEG_4: [&[u8; 4]; 7] = [
    b"FMP4", b"DIVX", b"DX50", b"XVID", b"MP4S", b"M4S2", b"MP4V",
];

/// A program that marks its files so, and whose pictures FFmpeg decodes in its own way.
const XVID: [u8; 4] = *b"XVID";

/// How far into a keyframe of MPEG-4 its parameters are looked for, in bytes.
pub(crate) const PARAMETERS_BYTES: usize = 4096;

/// What keyframes of a codec must prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Nothing.
    Fixed,
    /// That they are MPEG-4 without a delay: see [`is_without_delay`].
    Mpeg4,
}

/// The track of a file of keyframes for the video of `file`, and what these must prove. `None` if the times or the
/// keyframes of its codec are not sure.
pub(crate) fn keyframe_track(file: &AviFile) -> Option<(KeyframeTrack, Order)> {
    let format = &file.format;
    let code: [u8; 4] = *format.get(CODEC..HEADER_BYTES)?.first_chunk()?;
    let upper = code.map(|letter| letter.to_ascii_uppercase());
    let is_magic_yuv = MAGIC_YUV.iter().any(|start| upper.starts_with(*start));
    let order = if IN_ORDER.contains(&&upper) || is_magic_yuv {
        Order::Fixed
    } else if MPEG_4.contains(&&upper) {
        Order::Mpeg4
    } else {
        return None;
    };
    let side = |at| Some(little_endian_32(format, at)?.cast_signed().unsigned_abs());
    let bits = u16::from_le_bytes(*format.get(BITS..)?.first_chunk()?);
    // A palette may change within the film.
    let has_palette = (1..=8).contains(&bits);
    if has_palette || format.len() > MAX_FORMAT_BYTES {
        return None;
    }
    let mut private = format.clone();
    // As FFmpeg does: an odd size may be padded, and Xvid is known by its mark.
    let said = little_endian_32(format, SIZE)? as usize;
    if said % 2 == 1 && said + 1 == private.len() {
        private.truncate(said);
    }
    if order == Order::Mpeg4 && file.handler == XVID {
        private.get_mut(CODEC..CODEC + 4)?.copy_from_slice(&XVID);
    }
    let is_delayed = || !is_without_delay(private.get(HEADER_BYTES..).unwrap_or_default());
    let has_parameters = parameters(&private).is_some();
    if order == Order::Mpeg4 && has_parameters && is_delayed() {
        return None;
    }
    let track = KeyframeTrack {
        codec: "V_MS/VFW/FOURCC",
        size: Some((side(WIDTH)?, side(HEIGHT)?)),
        private,
    };
    Some((track, order))
}

/// Whether the parameters of MPEG-4 in `data` say that no picture is presented later than it is stored. Without that
/// word FFmpeg waits for such pictures, or finds out when the first one comes.
pub(crate) fn is_without_delay(data: &[u8]) -> bool {
    parameters(data).is_some_and(|parameters| says_low_delay(parameters) == Some(true))
}

/// The parameters of a layer (`VideoObjectLayer`) in `data`, behind their start code.
fn parameters(data: &[u8]) -> Option<&[u8]> {
    const LAYERS: std::ops::RangeInclusive<u8> = 0x20..=0x2f;
    let data = data.get(..PARAMETERS_BYTES).unwrap_or(data);
    let start = data
        .windows(4)
        .position(|code| code.starts_with(&[0, 0, 1]) && LAYERS.contains(&code[3]))?;
    data.get(start + 4..)
}

/// The flag `low_delay` of `parameters`, if they have it.
fn says_low_delay(parameters: &[u8]) -> Option<bool> {
    const EXTENDED_ASPECT: u64 = 15;
    let mut at = 0;
    let mut bits = |count: usize| -> Option<u64> {
        let bit = |at: usize| Some(parameters.get(at / 8)? >> (7 - at % 8) & 1);
        let number =
            (at..at + count).try_fold(0, |number, at| Some(number << 1 | u64::from(bit(at)?)));
        at += count;
        number
    };
    // Whether any picture may be an entry, and the kind of the object.
    bits(1 + 8)?;
    if bits(1)? == 1 {
        // Its version and its priority.
        bits(4 + 3)?;
    }
    if bits(4)? == EXTENDED_ASPECT {
        bits(16)?;
    }
    // Whether control parameters follow, and if so the format of the pixels and the flag.
    (bits(1)? == 1).then_some(())?;
    bits(2)?;
    Some(bits(1)? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters as FFmpeg's encoder writes them, with these bits: control parameters follow, and no delay.
    fn layer(has_control: bool, low_delay: bool) -> Vec<u8> {
        let bits = format!(
            "0{:08b}100010010001{}01{}0000000",
            1,
            u8::from(has_control),
            u8::from(low_delay)
        );
        let bytes = bits.as_bytes().chunks(8);
        let byte = |bits: &[u8]| bits.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
        let bytes: Vec<u8> = bytes.map(byte).collect();
        [&[0, 0, 1, 0xb0, 1, 0, 0, 1, 0x20][..], &bytes].concat()
    }

    #[test]
    fn only_the_word_that_there_is_no_delay_counts() {
        assert!(is_without_delay(&layer(true, true)));
        assert!(!is_without_delay(&layer(true, false)));
        assert!(!is_without_delay(&layer(false, true)));
        assert!(!is_without_delay(b"no parameters"));
        let whole = layer(true, true);
        for length in 0..whole.len() - 2 {
            assert!(!is_without_delay(&whole[..length]));
        }
    }

    fn file(code: &[u8; 4], bits: u16, handler: &[u8; 4]) -> AviFile {
        let mut format = vec![0; HEADER_BYTES];
        format[SIZE] = 40;
        format[WIDTH] = 160;
        format[HEIGHT..HEIGHT + 4].copy_from_slice(&(-96_i32).to_le_bytes());
        format[BITS..BITS + 2].copy_from_slice(&bits.to_le_bytes());
        format[CODEC..CODEC + 4].copy_from_slice(code);
        AviFile::for_tests(format, *handler)
    }

    #[test]
    fn codecs_that_reorder_hide_keyframes_or_have_palettes_are_not_taken() {
        let order = |code, bits| keyframe_track(&file(code, bits, b"    ")).map(|(_, order)| order);
        assert_eq!(order(b"mjpg", 24), Some(Order::Fixed));
        assert_eq!(order(b"M8YA", 24), Some(Order::Fixed));
        assert_eq!(order(b"DIVX", 24), Some(Order::Mpeg4));
        for code in [b"H264", b"cvid", b"CRAM", b"WMV2", b"DIV3", b"\0\0\0\0"] {
            assert_eq!(order(code, 24), None);
        }
        assert_eq!(order(b"ZMBV", 8), None);
    }

    #[test]
    fn the_mark_of_xvid_becomes_the_codec() {
        let (track, _) = keyframe_track(&file(b"DX50", 24, b"XVID")).unwrap();
        assert_eq!(
            (&track.private[16..20], track.size),
            (&b"XVID"[..], Some((160, 96)))
        );
        let (track, _) = keyframe_track(&file(b"MJPG", 24, b"XVID")).unwrap();
        assert_eq!(track.private[16..20], *b"MJPG");
    }
}

//! File signatures: explain why FFmpeg finds no video format in a file. An FFmpeg with all demuxers
//! names the format and refuses it. One without the demuxers of still images and playlists, such as
//! the layer's, takes such files for damaged.

use gifgen_shared::{Reason, Rejection};

/// Number of bytes that [`rejection_of`] needs.
pub const SIGNATURE_BYTES: u64 = 16;

/// Signatures of still images and playlists. `?` matches any byte.
const SIGNATURES: [&[u8]; 13] = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"RIFF????WEBP",
    b"II*\0",
    b"MM\0*",
    b"BM????\0\0\0\0",
    b"8BPS\0\x01",
    b"\0\0\0\x0cjP  \r\n\x87\n",
    b"\0\0\0\x0cJXL \r\n\x87\n",
    b"\x76\x2f\x31\x01",
    b"#EXTM3U",
    b"ffconcat version",
    b"DDS \x7c\0\0\0",
];

/// The reason to reject a file in which FFmpeg found no video format, if its signature tells one.
pub fn rejection_of(beginning: &[u8]) -> Option<Rejection> {
    let begins_so = |pattern: &&[u8]| {
        let pairs = || pattern.iter().zip(beginning);
        pairs().count() == pattern.len() && pairs().all(|(p, byte)| *p == b'?' || p == byte)
    };
    SIGNATURES.iter().any(begins_so).then(not_a_video)
}

pub(super) fn not_a_video() -> Rejection {
    Rejection::new(
        Reason::NotAVideo,
        "this is no video file: still images and playlists are not taken",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn still_images_and_playlists_are_told_by_their_first_bytes() {
        let jpg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0H";
        let webp = b"RIFF\x10\x20\x30\x40WEBPVP8 ";
        for beginning in [&jpg[..], webp, b"#EXTM3U\n#EXT-X-T"] {
            let rejection = rejection_of(beginning).unwrap();
            assert_eq!(rejection.reason, Reason::NotAVideo);
        }
    }

    #[test]
    fn videos_and_cut_off_beginnings_are_not() {
        let avi = b"RIFF\x10\x20\x30\x40AVI LIST";
        let mp4 = b"\0\0\0\x20ftypisom\0\0\0\0";
        for beginning in [&avi[..], mp4, b"", b"RIFF\x10\x20", b"\x89PNG"] {
            assert_eq!(rejection_of(beginning), None, "{beginning:?}");
        }
    }

    #[test]
    fn no_beginning_is_longer_than_what_is_looked_at() {
        assert!(SIGNATURES.iter().all(|b| b.len() as u64 <= SIGNATURE_BYTES));
    }
}

//! File signatures: explain why FFmpeg finds no video format in a file. An FFmpeg with all demuxers
//! names the format and refuses it. One without the demuxers of still images, playlists and sound, such
//! as the layer's, takes such files for damaged.

use gifgen_shared::{Reason, Rejection};

use crate::{
    format_words::{container_rejection, only_sound, playlist, still_image},
    scrambling::{encrypted, is_scrambled_transport_stream},
};

/// Number of bytes that [`rejection_of`] needs, at most.
pub const BEGINNING_BYTES: u64 = 256 * 1024;

/// What a signature stands for.
#[derive(Clone, Copy)]
enum Kind {
    Still,
    Playlist,
    Sound,
    Container(&'static str),
    /// No medium: what it is, with its article.
    Other(&'static str),
}

/// Signatures at the start of files. `?` matches any byte.
const SIGNATURES: [(&[u8], Kind); 44] = [
    (b"\x89PNG\r\n\x1a\n", Kind::Still),
    (b"\xff\xd8\xff", Kind::Still),
    (b"RIFF????WEBP", Kind::Still),
    (b"II*\0", Kind::Still),
    (b"MM\0*", Kind::Still),
    (b"BM????\0\0\0\0", Kind::Still),
    (b"8BPS\0\x01", Kind::Still),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Kind::Still),
    (b"\xff\x4f\xff\x51", Kind::Still),
    (b"\0\0\0\x0cJXL \r\n\x87\n", Kind::Still),
    (b"\xff\x0a", Kind::Still),
    (b"\x76\x2f\x31\x01", Kind::Still),
    (b"DDS \x7c\0\0\0", Kind::Still),
    (b"SDPX", Kind::Still),
    (b"XPDS", Kind::Still),
    (b"\0\0\x01\0", Kind::Still),
    (b"#EXTM3U", Kind::Playlist),
    (b"ffconcat version", Kind::Playlist),
    (b"RIFF????WAVE", Kind::Sound),
    (b"RF64????WAVE", Kind::Sound),
    (b"FORM????AIF", Kind::Sound),
    (b"fLaC", Kind::Sound),
    (b"ID3", Kind::Sound),
    (b"MThd", Kind::Sound),
    (b"#!AMR", Kind::Sound),
    (b"caff\0", Kind::Sound),
    (b"\0\0\0\0\x01\xbc", Kind::Container("GXF")),
    (b"\xb7\xd8\0\x20\x37\x49\xda\x11", Kind::Container("WTV")),
    (b"AV????U", Kind::Container("PVA")),
    (b"NSVf", Kind::Container("NSV")),
    (b"NSVs", Kind::Container("NSV")),
    (b"FWS", Kind::Container("SWF")),
    (b"CWS", Kind::Container("SWF")),
    (b"BIK", Kind::Container("Bink")),
    (b"KB2", Kind::Container("Bink")),
    (b"SMK", Kind::Container("Smacker")),
    (b"????RED1", Kind::Container("R3D (REDCODE RAW)")),
    (b"????RED2", Kind::Container("R3D (REDCODE RAW)")),
    (b"%PDF", Kind::Other("a PDF document")),
    (
        b"PK\x03\x04",
        Kind::Other("a ZIP archive or an office document"),
    ),
    (b"\x1f\x8b", Kind::Other("a gzip archive")),
    (b"<!DOCTYPE", Kind::Other("a web page")),
    (b"<html", Kind::Other("a web page")),
    (b"<?xml", Kind::Other("an XML text")),
];

/// Brands of HEIF files that hold still images. <https://mp4ra.org/registered-types/brands>
const STILL_BRANDS: [&[u8; 4]; 13] = [
    b"avif", b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"mif3", b"miaf", b"avci",
    b"jpeg", b"jpgs", b"j2ki",
];

/// The reason to reject a file in which FFmpeg found no video, if its `beginning` tells one.
pub fn rejection_of(beginning: &[u8]) -> Option<Rejection> {
    if is_scrambled_transport_stream(beginning) {
        return Some(encrypted());
    }
    if beginning.get(4..8) == Some(b"ftyp") {
        if holds_encrypted_samples(beginning) {
            return Some(encrypted());
        }
        let brand = beginning.get(8..12)?;
        return STILL_BRANDS
            .iter()
            .any(|still| *still == brand)
            .then(still_image);
    }
    let begins_so = |pattern: &[u8]| {
        let pairs = || pattern.iter().zip(beginning);
        pairs().count() == pattern.len() && pairs().all(|(p, byte)| *p == b'?' || p == byte)
    };
    let (_, kind) = SIGNATURES.iter().find(|(pattern, _)| begins_so(pattern))?;
    Some(match kind {
        Kind::Still => still_image(),
        Kind::Playlist => playlist(),
        Kind::Sound => only_sound(),
        Kind::Container(name) => container_rejection(name),
        Kind::Other(what) => {
            Rejection::new(Reason::NotAVideo, format!("this is {what}; upload a video"))
        }
    })
}

/// Whether the sample description of an MP4 is that of encrypted video. FFmpeg may find no sample in it.
fn holds_encrypted_samples(beginning: &[u8]) -> bool {
    let has = |kind: &[u8; 4]| beginning.windows(4).any(|four| four == kind);
    has(b"encv") && has(b"schm")
}

/// Whether a container of the MOV family with this brand is meant for still images.
pub(crate) fn is_still_brand(brand: &str) -> bool {
    STILL_BRANDS.iter().any(|still| brand.as_bytes() == *still)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_video_is_told_by_its_first_bytes() {
        let jpg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0H";
        let webp = b"RIFF\x10\x20\x30\x40WEBPVP8 ";
        let heic = b"\0\0\0\x18ftypheic\0\0\0\0";
        for beginning in [
            &jpg[..],
            webp,
            heic,
            b"#EXTM3U\n#EXT-X-T",
            b"PK\x03\x04\x14",
        ] {
            let rejection = rejection_of(beginning).unwrap();
            assert_eq!(rejection.reason, Reason::NotAVideo);
        }
        let wav = rejection_of(b"RIFF\x10\x20\x30\x40WAVEfmt ").unwrap();
        assert_eq!(wav.reason, Reason::NoVideoStream);
    }

    #[test]
    fn an_mp4_of_encrypted_samples_is_encrypted() {
        let mp4 = b"\0\0\0\x20ftypisom\0\0\0\0....encv....schm";
        assert_eq!(rejection_of(mp4).unwrap().reason, Reason::Encrypted);
    }

    #[test]
    fn a_container_that_is_not_supported_is_named() {
        let gxf = rejection_of(b"\0\0\0\0\x01\xbc\0\0\0\x34").unwrap();
        assert!(gxf.message.contains("GXF"), "{gxf}");
    }

    #[test]
    fn videos_and_cut_off_beginnings_are_not() {
        let avi = b"RIFF\x10\x20\x30\x40AVI LIST";
        let mp4 = b"\0\0\0\x20ftypisom\0\0\0\0";
        for beginning in [&avi[..], mp4, b"", b"RIFF\x10\x20", b"\x89PNG"] {
            assert_eq!(rejection_of(beginning), None, "{beginning:?}");
        }
    }
}

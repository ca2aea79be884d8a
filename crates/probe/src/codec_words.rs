//! Names of codecs that people know, for sentences about codecs that are not supported.

/// FFmpeg's names of codecs that are often met and not supported, or not by every FFmpeg.
const BY_NAME: [(&str, &str); 33] = [
    ("av1", "AV1"),
    ("avs2", "AVS2"),
    ("avs3", "AVS3"),
    ("bmp", "BMP"),
    ("cavs", "AVS (CAVS)"),
    ("cllc", "Canopus Lossless"),
    ("cscd", "CamStudio"),
    ("dxv", "Resolume DXV"),
    ("evc", "EVC"),
    ("fraps", "Fraps"),
    ("g2m", "GoToMeeting"),
    ("hq_hqa", "Canopus HQ"),
    ("hqx", "Canopus HQX"),
    ("indeo2", "Indeo 2"),
    ("jpegxl", "JPEG XL"),
    ("lagarith", "Lagarith"),
    ("lcevc", "LCEVC"),
    ("mss1", "Microsoft Screen 1"),
    ("mss2", "Microsoft Screen 2"),
    ("mts2", "Microsoft Screen MTS2"),
    ("notchlc", "NotchLC"),
    ("prores_raw", "ProRes RAW"),
    ("qtrle", "QuickTime Animation"),
    ("rv60", "RealVideo 6"),
    ("sheervideo", "SheerVideo"),
    ("snow", "Snow"),
    ("speedhq", "NewTek SpeedHQ"),
    ("tiff", "TIFF"),
    ("vp5", "VP5"),
    ("vvc", "VVC (H.266)"),
    ("webp", "WebP"),
    ("wmv3image", "Windows Media Photo Story"),
    ("zmbv", "DOSBox Capture (ZMBV)"),
];

/// The container's names of codecs for which an FFmpeg may have none.
const BY_TAG: [(&str, &str); 17] = [
    ("vvc1", "VVC (H.266)"),
    ("vvi1", "VVC (H.266)"),
    ("vvcN", "VVC (H.266)"),
    ("dav1", "Dolby Vision on AV1"),
    ("dvav", "Dolby Vision on H.264"),
    ("dva1", "Dolby Vision on H.264"),
    ("dvhe", "Dolby Vision on HEVC"),
    ("dvh1", "Dolby Vision on HEVC"),
    ("dvc1", "Dolby Vision on VVC"),
    ("dvi1", "Dolby Vision on VVC"),
    ("avst", "AVS"),
    ("avs2", "AVS2"),
    ("avs3", "AVS3"),
    ("evc1", "EVC"),
    ("lvc1", "LCEVC"),
    ("apv1", "APV"),
    ("mjp2", "JPEG 2000"),
];

/// FFmpeg's types of transport streams without a codec that it knows: `[51]` is the stream type.
const BY_STREAM_TYPE: [(&str, &str); 5] = [
    ("[51]", "VVC (H.266)"),
    ("[66]", "AVS (CAVS)"),
    ("[210]", "AVS2"),
    ("[212]", "AVS3"),
    ("[53]", "EVC"),
];

/// What ffprobe calls a codec that it does not know.
const UNKNOWN: [&str; 2] = ["unknown", "none"];

/// Longest name of a codec that is taken from a file, in characters.
const LONGEST: usize = 24;

/// The name of a codec in people's words, from FFmpeg's name or else the container's `tag`. `None` if
/// neither names one.
pub(crate) fn codec_words(name: Option<&str>, tag: Option<&str>) -> Option<String> {
    let find = |table: &[(&str, &str)], key: &str| {
        let found = table.iter().find(|(name, _)| *name == key);
        found.map(|(_, words)| (*words).to_owned())
    };
    let known = known(name);
    let tag = tag.unwrap_or_default();
    let by_type = || {
        let found = BY_STREAM_TYPE
            .iter()
            .find(|(kind, _)| tag.starts_with(kind));
        found.map(|(_, words)| (*words).to_owned())
    };
    known
        .map(|name| find(&BY_NAME, name).unwrap_or_else(|| harmless(name)))
        .or_else(|| find(&BY_TAG, tag))
        .or_else(by_type)
        .or_else(|| {
            let tag = harmless(tag);
            (!tag.is_empty()).then(|| format!("“{tag}”"))
        })
}

/// FFmpeg's name of a codec, unless it says that it knows none.
pub(crate) fn known(name: Option<&str>) -> Option<&str> {
    name.filter(|name| !UNKNOWN.contains(name))
}

/// `text` without what is no letter, digit, space or dash. Tags come from the file.
fn harmless(text: &str) -> String {
    // ffprobe writes unprintable bytes as `[0]`.
    let bytes = text.split('[').filter_map(|part| {
        let (number, rest) = part.split_once(']').unwrap_or(("", part));
        number.parse::<u8>().is_err().then_some(part).or(Some(rest))
    });
    let text: String = bytes.collect();
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_. ".contains(*c);
    let plain: String = text.chars().filter(is_plain).take(LONGEST).collect();
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: Option<&str>, tag: Option<&str>) -> String {
        codec_words(name, tag).unwrap()
    }

    #[test]
    fn a_codec_has_the_name_that_people_know() {
        assert_eq!(words(Some("zmbv"), None), "DOSBox Capture (ZMBV)");
        assert_eq!(words(Some("unknown"), Some("vvc1")), "VVC (H.266)");
        assert_eq!(words(None, Some("dav1")), "Dolby Vision on AV1");
        assert_eq!(words(Some("none"), Some("[51][0][0][0]")), "VVC (H.266)");
    }

    #[test]
    fn a_codec_that_nobody_knows_is_named_as_the_container_does() {
        assert_eq!(words(Some("cyuv"), Some("CYUV")), "cyuv");
        assert_eq!(words(None, Some("Xyz1")), "“Xyz1”");
        assert_eq!(codec_words(None, Some("[0][0][0][0]")), None);
        assert_eq!(codec_words(None, None), None);
    }

    #[test]
    fn a_tag_cannot_carry_control_characters() {
        assert_eq!(words(None, Some("\x1b[2J;\n")), "“2J”");
    }
}

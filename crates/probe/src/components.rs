//! The FFmpeg components that uploads may use: rows of `layer/components.tsv`, which the layer is
//! built from too.

use std::{collections::BTreeSet, sync::LazyLock};

const TABLE: &str = include_str!("../../../layer/components.tsv");

/// Uses that an upload may ask for: in the layer, or only in other builds of FFmpeg.
const FOR_UPLOADS: [&str; 2] = ["upload", "elsewhere"];

/// Demuxers of video containers, for `-format_whitelist`. Playlists, image formats, scripts and
/// devices are not among them; FFmpeg answers `EINVAL` for those.
pub(crate) static DEMUXERS: LazyLock<String> = LazyLock::new(|| for_uploads(TABLE, "demuxer"));

/// Video decoders, for `-codec_whitelist:v`.
pub(crate) static VIDEO_DECODERS: LazyLock<String> =
    LazyLock::new(|| for_uploads(TABLE, "decoder"));

/// Codecs that those decode, where a decoder has another name than its codec.
const CODECS_BY_DECODER: [(&str, &str); 7] = [
    ("libdav1d", "av1"),
    ("libaom-av1", "av1"),
    ("msmpeg4", "msmpeg4v3"),
    ("flv", "flv1"),
    ("libvpx", "vp8"),
    ("libvpx-vp9", "vp9"),
    ("camtasia", "tscc"),
];

/// FFmpeg's names of the codecs that uploads may use.
pub(crate) static VIDEO_CODECS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let codec = |decoder| {
        let other = CODECS_BY_DECODER.iter().find(|(name, _)| *name == decoder);
        other.map_or(decoder, |(_, codec)| *codec)
    };
    VIDEO_DECODERS.split(',').map(codec).collect()
});

/// The components of a `kind` that uploads may use, separated by commas, under FFmpeg's names.
fn for_uploads(table: &str, kind: &str) -> String {
    let listed = |line: &str| -> Option<String> {
        let mut cells = line.split('\t');
        let is_kind = cells.next()? == kind;
        let (listed, used) = (cells.nth(1)?, cells.next()?);
        (is_kind && FOR_UPLOADS.contains(&used)).then(|| listed.to_owned())
    };
    let names: Vec<String> = table.lines().skip(1).filter_map(listed).collect();
    names.join(",")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn only_what_is_meant_for_uploads_is_on_the_lists() {
        let table = "kind\tname\tlisted\tuse\tpurpose\n\
                     demuxer\tmatroska\tmatroska,webm\tupload\tMatroska\n\
                     demuxer\th264\th264\tinner\trecognises\n\
                     decoder\tlibaom_av1\tlibaom-av1\telsewhere\tAV1\n\
                     decoder\tvp3\tvp3\timplied\tTheora\n\
                     decoder\tvp8\tvp8\tupload\tVP8\n";
        assert_eq!(for_uploads(table, "demuxer"), "matroska,webm");
        assert_eq!(for_uploads(table, "decoder"), "libaom-av1,vp8");
    }

    #[test]
    fn no_list_is_empty_and_each_row_is_whole() {
        assert!(DEMUXERS.split(',').any(|name| name == "mov"));
        assert!(VIDEO_DECODERS.split(',').any(|name| name == "h264"));
        let uses = ["upload", "inner", "own", "implied", "always", "elsewhere"];
        let mut seen = BTreeSet::new();
        for line in TABLE.lines().skip(2) {
            let cells: Vec<&str> = line.split('\t').collect();
            let [kind, name, listed, used, purpose] = cells[..] else {
                panic!("{line:?} has not five cells");
            };
            assert!(uses.contains(&used), "{line:?}");
            assert!(!listed.is_empty() && !purpose.is_empty(), "{line:?}");
            assert!(seen.insert((kind, name)), "{kind} {name} is listed twice");
        }
    }

    #[test]
    fn the_document_of_the_layer_names_these_components_and_no_others() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/layer.md");
        let document = fs::read_to_string(path).unwrap();
        let (_, list) = document.split_once("\n## Components\n").unwrap();
        let mut named = BTreeSet::new();
        // A row is `| kind | use | name, name |`. The first two lines are the table's head.
        for row in list.lines().filter(|line| line.starts_with("| ")).skip(2) {
            let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
            for name in cells[2].split(", ") {
                named.insert([cells[0], name, cells[1]].map(str::to_owned));
            }
        }
        let listed: BTreeSet<_> = TABLE
            .lines()
            .skip(1)
            .map(|line| {
                let cells: Vec<&str> = line.split('\t').collect();
                [cells[0], cells[1], cells[3]].map(str::to_owned)
            })
            .collect();
        assert_eq!(
            named, listed,
            "docs/layer.md is not like layer/components.tsv"
        );
    }
}

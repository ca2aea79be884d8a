//! Excerpts of keyframes only.

use std::{collections::BTreeMap, path::Path};

use gifgen_index::parsers::{Keyframe, Mp4Index};
use gifgen_shared::overview::{Tile, tiles};

use crate::support::{film, make, shown};

/// Holds the keyframes of an overview against what FFmpeg shows of the whole file. Says how many there are.
fn check(file: &Path, interval: u32) -> usize {
    let whole = shown(file.to_str().unwrap(), 0, None, None);
    let video = whole.stream(0);
    let content = std::fs::read(file).unwrap();
    let index = Mp4Index::of(&content, &video).unwrap();
    let length = index.length().unwrap();
    let tiles: Vec<Tile<Keyframe>> = tiles(length, interval, index.keyframes().unwrap());
    let keyframes: Vec<Keyframe> = tiles.iter().filter_map(|tile| tile.keyframe).collect();
    let file = index.file_of(&keyframes).unwrap();
    let mut bytes = file.header;
    for piece in &file.pieces {
        bytes.extend_from_slice(&piece.before);
        bytes.extend_from_slice(&content[piece.range.start as usize..piece.range.end as usize]);
    }
    let cut = shown("pipe:0", 0, Some("mov"), Some(bytes));
    assert_eq!(cut.pictures.len(), keyframes.len());
    // All but the shape of pixels.
    assert_eq!(cut.format[..4], whole.format[..4]);
    let pictures: BTreeMap<i64, &String> = whole
        .pictures
        .iter()
        .map(|(pts, sum)| (*pts, sum))
        .collect();
    let keyed = tiles.iter().filter(|tile| tile.keyframe.is_some());
    for (tile, (pts, sum)) in keyed.zip(&cut.pictures) {
        assert_eq!(pictures.get(pts), Some(&sum), "{tile:?}");
        let seconds = *pts as f64 * whole.seconds_per_tick - video.start_time;
        assert!((seconds - tile.at).abs() < 1e-4, "{seconds} {tile:?}");
    }
    keyframes.len()
}

#[test]
fn keyframes_alone_show_what_the_whole_shows_at_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let plain = film(folder.path(), "plain.mp4", &[]);
    assert!(check(&plain, 1) > 7);
    assert!(check(&plain, 3) > 2);
    let open = ["-x264-params", "open-gop=1:b-pyramid=normal:keyint=24"];
    assert!(check(&film(folder.path(), "open.mp4", &open), 1) > 7);
    let fragments = ["-movflags", "+empty_moov+default_base_moof+frag_keyframe"];
    let copy = ["-i", plain.to_str().unwrap(), "-c", "copy"];
    let args = [&copy[..], &fragments].concat();
    assert!(check(&make(folder.path(), "fragments.mp4", &args), 1) > 7);
    let cut = [
        "-ss",
        "2.5",
        "-i",
        plain.to_str().unwrap(),
        "-map",
        "0",
        "-c",
        "copy",
    ];
    assert!(check(&make(folder.path(), "cut.mp4", &cut), 1) > 5);
}

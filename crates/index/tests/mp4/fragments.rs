//! Fragmented files of all makes.

use gifgen_index::parsers::Mp4Index;
use gifgen_testkit::media;

use crate::support::{Served, check, film, make, shown};

/// How FFmpeg makes fragmented files.
const MAKES: [(&str, &str); 7] = [
    ("plain", "+frag_keyframe+empty_moov+default_base_moof"),
    ("offsets", "+frag_keyframe+empty_moov+omit_tfhd_offset"),
    ("bases", "+frag_keyframe+empty_moov"),
    ("dash", "+frag_keyframe+empty_moov+dash"),
    ("global", "+frag_keyframe+empty_moov+dash+global_sidx"),
    ("delayed", "+frag_keyframe+delay_moov+negative_cts_offsets"),
    ("pictures", "+frag_every_frame+empty_moov+default_base_moof"),
];

#[tokio::test(flavor = "multi_thread")]
async fn fragments_of_all_makes_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path(), "film.mp4", &[]);
    for (name, flags) in MAKES {
        let args = ["-i", film.to_str().unwrap(), "-map", "0", "-c", "copy"];
        let args = [&args[..], &["-movflags", flags]].concat();
        let file = make(folder.path(), &format!("{name}.mp4"), &args);
        let checked = check(&file, 0).await;
        let (made, missing) = checked.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(made > 3 && missing == 0, "{name} {made} {missing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_fragments_are_found_with_few_bytes_and_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path(), "film.mp4", &["-b:v", "1500k"]);
    let slices = gifgen_shared::slice::plan(180.0, 30);
    let makes = [
        ("table", "+frag_keyframe+empty_moov+default_base_moof"),
        (
            "no-table",
            "+frag_keyframe+empty_moov+default_base_moof+skip_trailer",
        ),
        ("segments", "+frag_keyframe+empty_moov+dash"),
        ("index", "+frag_keyframe+empty_moov+dash+global_sidx"),
    ];
    for (name, flags) in makes {
        let args = [
            "-stream_loop",
            "19",
            "-i",
            film.to_str().unwrap(),
            "-map",
            "0",
            "-c",
            "copy",
        ];
        let args = [&args[..], &["-movflags", flags]].concat();
        let file = make(folder.path(), &format!("{name}.mp4"), &args);
        let video = shown(file.to_str().unwrap(), 0, None, None).stream(0);
        let served = Served::new(&file).await;
        let read = Mp4Index::read(&served.blocks, &video).await.unwrap();
        let excerpts = read.excerpts(&slices).collect::<Vec<_>>();
        let content = std::fs::read(&file).unwrap();
        let expected = Mp4Index::of(&content, &video).unwrap();
        let expected = expected.excerpts(&slices).collect::<Vec<_>>();
        assert!(
            excerpts == expected && excerpts.iter().all(Option::is_some),
            "{name}"
        );
        let reader = served.blocks.reader();
        let (read, requests) = (reader.bytes_read(), reader.requests());
        eprintln!(
            "{name}: {read} of {} bytes, {requests} requests",
            reader.len()
        );
        assert!(requests < 300, "{name} {requests}");
        // The descriptions alone are 1.2 % of so small a film.
        assert!(read < reader.len() * 3 / 100, "{name} {read}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_fragments_that_is_wrong_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let film = media::folder().join("d03_fmp4_h264_15s.mp4");
    let flags = "+frag_keyframe+empty_moov+default_base_moof";
    let args = [
        "-i",
        film.to_str().unwrap(),
        "-map",
        "0",
        "-c",
        "copy",
        "-movflags",
        flags,
    ];
    let file = make(folder.path(), "film.mp4", &args);
    let video = shown(film.to_str().unwrap(), 0, None, None).stream(0);
    let slices = gifgen_shared::slice::plan(15.0, 5);
    let mut content = std::fs::read(&file).unwrap();
    let right = Mp4Index::of(&content, &video).unwrap();
    let right = right.excerpts(&slices).collect::<Vec<_>>();
    let table = content
        .windows(4)
        .rposition(|kind| kind == b"tfra")
        .unwrap();
    // The low byte of each offset, in version 1.
    for entry in 0..2 {
        content[table + 20 + entry * 19 + 15] ^= 0x10;
    }
    std::fs::write(&file, &content).unwrap();
    let served = Served::new(&file).await;
    let read = Mp4Index::read(&served.blocks, &video).await.unwrap();
    assert!(read.excerpts(&slices).eq(right));
}

/// A film of ten seconds at ten pictures a second, with a fragment for each second.
fn numbered(folder: &std::path::Path) -> Vec<u8> {
    let source = "testsrc2=size=64x36:rate=10:duration=10";
    let flags = "+frag_keyframe+empty_moov+default_base_moof+skip_trailer";
    let args = ["-f", "lavfi", "-i", source, "-c:v", "libx264", "-g", "10"];
    let args = [&args[..], &["-bf", "0", "-movflags", flags]].concat();
    std::fs::read(make(folder, "numbered.mp4", &args)).unwrap()
}

/// Where each fragment starts, and where the last one ends.
fn fragments(file: &[u8]) -> Vec<usize> {
    let moofs = file.windows(4).enumerate();
    let moofs = moofs.filter(|(_, kind)| kind == b"moof");
    moofs.map(|(at, _)| at - 4).chain([file.len()]).collect()
}

async fn read(file: &[u8], folder: &std::path::Path) -> Mp4Index {
    let path = folder.join("changed.mp4");
    std::fs::write(&path, file).unwrap();
    let video = shown(path.to_str().unwrap(), 0, None, None).stream(0);
    let served = Served::new(&path).await;
    Mp4Index::read(&served.blocks, &video).await.unwrap()
}

fn lost(index: &Mp4Index, seconds: f64) -> Vec<(f64, f64)> {
    let slices = gifgen_shared::slice::plan(seconds, 2);
    let excerpts = index.excerpts(&slices).zip(&slices);
    excerpts
        .filter_map(|(excerpt, slice)| excerpt?.lost_in(slice))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_that_are_missing_are_lost_and_those_behind_a_hole_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let whole = numbered(folder.path());
    let at = fragments(&whole);
    let index = read(&whole, folder.path()).await;
    assert_eq!((index.length(), lost(&index, 10.0)), (Some(10.0), vec![]));

    let cut = [&whole[..at[3]], &whole[at[6]..]].concat();
    let index = read(&cut, folder.path()).await;
    assert_eq!(index.length(), Some(10.0));
    assert_eq!(lost(&index, 10.0), [(4.0, 6.0)]);

    let mut holed = whole.clone();
    holed[at[3]..at[6]].fill(0);
    let index = read(&holed, folder.path()).await;
    assert_eq!(index.length(), Some(10.0));
    assert_eq!(lost(&index, 10.0), [(4.0, 6.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fragmented_recordings_that_were_joined_are_one_film() {
    let folder = tempfile::tempdir().unwrap();
    let one = numbered(folder.path());
    let index = read(&[&one[..], &one].concat(), folder.path()).await;
    assert_eq!((index.length(), lost(&index, 20.0)), (Some(20.0), vec![]));
    let slices = gifgen_shared::slice::plan(20.0, 4);
    assert!(index.excerpts(&slices).all(|excerpt| excerpt.is_some()));
}

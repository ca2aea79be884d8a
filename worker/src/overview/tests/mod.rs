//! Sheets of real videos, by the real FFmpeg.

mod made;
pub(crate) mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use gifgen_testkit::{
    media::{Expect, manifest, video},
    workspace_root,
};

use self::{
    made::Made,
    support::{Compared, Film, ssim},
};
use super::RenderedSheet;
use crate::error::{JobError, PermanentError};

/// H.264 with a keyframe each 20 pictures, and no other order of presentation.
const EACH_TWO_SECONDS: [&str; 8] = [
    "-c:v",
    "libx264",
    "-g",
    "20",
    "-sc_threshold",
    "0",
    "-bf",
    "0",
];

/// Settings of an overview.
fn overview<'a>(kind: &'a str, interval: &'a str) -> [(&'a str, &'a str); 2] {
    [("OVERVIEW", kind), ("OVERVIEW_INTERVAL", interval)]
}

fn case(name: &str) -> PathBuf {
    workspace_root().join("../shared/cases").join(name)
}

async fn compared(file: &Path, kind: &str, interval: &str) -> Compared {
    Film::open(file, &overview(kind, interval))
        .await
        .compare()
        .await
}

/// What is not true of the first sheet of `file`.
async fn untrue(file: &Path, kind: &str, interval: &str) -> Option<String> {
    let compared = compared(file, kind, interval).await;
    let name = file.file_name().unwrap().to_string_lossy();
    let words = format!("{name}: {compared}");
    println!("{words}");
    (!compared.is_true()).then_some(words)
}

async fn all_are_true(kind: &str, interval: &str) {
    let mut wrong = Vec::new();
    for medium in manifest()
        .iter()
        .filter(|medium| medium.expect == Expect::Gif)
    {
        wrong.extend(untrue(&video(&medium.file), kind, interval).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tile_of_keyframes_is_what_a_full_decode_shows_at_its_time() {
    all_are_true("keyframes", "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_exact_tile_is_what_a_full_decode_shows_at_its_time() {
    all_are_true("exact", "3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_are_falsely_called_keyframes_are_not_shown() {
    let false_flags = case("39-false-keyflags/allkey-mpeg4.mp4");
    let compared = compared(&false_flags, "keyframes", "1").await;
    assert!(compared.is_true(), "{compared}");
    assert!(compared.exact() > 0, "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_are_refreshed_bit_by_bit_are_exact() {
    let made = Made::new(
        &[
            "-c:v",
            "libx264",
            "-x264-params",
            "intra-refresh=1:keyint=50",
        ],
        20,
    );
    let compared = compared(&made.mp4(), "keyframes", "4").await;
    assert!(compared.is_true(), "{compared}");
    assert!(compared.exact() > 0, "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_of_one_keyframe_has_exact_tiles_at_each_multiple() {
    let h264 = Made::new(&["-c:v", "libx264", "-g", "9999", "-sc_threshold", "0"], 64);
    let mpeg4 = Made::new(
        &["-c:v", "mpeg4", "-g", "600", "-sc_threshold", "1000000000"],
        64,
    );
    for file in [h264.mp4(), h264.remuxed("mkv"), mpeg4.remuxed("avi")] {
        let compared = compared(&file, "keyframes", "10").await;
        assert!(compared.is_true(), "{} {compared}", file.display());
        let times = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0];
        assert_eq!(compared.times(), times, "{}", file.display());
        assert!(compared.exact() >= 5, "{} {compared}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keyframes_of_open_groups_are_tiles() {
    let made = Made::new(
        &[
            "-c:v",
            "libx264",
            "-x264-params",
            "open-gop=1:keyint=20:min-keyint=20:bframes=3:scenecut=0",
        ],
        20,
    );
    let compared = compared(&made.mp4(), "keyframes", "4").await;
    assert!(compared.is_true(), "{compared}");
    assert_eq!(compared.exact(), 0, "{compared}");
    assert_eq!(compared.tiles.len(), 5, "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slides_that_look_the_same_are_stored_once() {
    let slides = "color=red:size=160x90:rate=10:duration=6[a];color=blue:size=160x90:rate=10:duration=6[b];[a][b]concat";
    let made = Made::of(slides, &["-c:v", "ffv1"], "mkv");
    let compared = compared(&made.file, "keyframes", "2").await;
    let places: Vec<u32> = compared.tiles.iter().map(|(_, _, place)| *place).collect();
    assert_eq!(places, [0, 0, 0, 1, 1, 1], "{compared}");
    assert!(compared.is_true(), "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_keyframe_is_never_shown() {
    let made = Made::new(&EACH_TWO_SECONDS, 20);
    let file = made.mp4();
    let whole = compared(&file, "keyframes", "2").await;
    assert_eq!((whole.tiles.len(), whole.exact()), (10, 0), "{whole}");
    let range = made.packet(&file, 100);
    let mut bytes = fs::read(&file).unwrap();
    let middle = range.start + 60..range.end;
    for (n, byte) in bytes[middle].iter_mut().enumerate() {
        *byte = (n * 31 % 251) as u8;
    }
    fs::write(&file, bytes).unwrap();
    // Nothing of the two seconds behind it is right.
    let film = Film::open(&file, &overview("keyframes", "2")).await;
    let sheet = film.render().await.unwrap();
    assert_eq!(sheet.tiles.len(), 9);
    let [lost] = &sheet.lost[..] else {
        panic!("{:?}", sheet.lost);
    };
    assert_eq!((lost.at, lost.error.reason.as_str()), (10, "damaged"));
}

/// A film of `seconds` with a keyframe each two seconds and ten pictures a second, in which the packets of these seconds
/// have zeros. In the first second of a hole, the picture before may stand in.
fn film_with_hole(seconds: u32, hole: std::ops::Range<usize>) -> (Made, PathBuf) {
    let source = format!("testsrc2=size=320x180:rate=10,trim=end={seconds}");
    let made = Made::of(&source, &EACH_TWO_SECONDS, "mkv");
    let file = made.mp4();
    let mut bytes = fs::read(&file).unwrap();
    let first = made.packet(&file, hole.start * 10).start;
    let last = made.packet(&file, hole.end * 10 - 1).end;
    bytes[first..last].fill(0);
    fs::write(&file, bytes).unwrap();
    (made, file)
}

fn seconds(sheet: &RenderedSheet) -> (Vec<u32>, Vec<u32>) {
    let there = sheet.tiles.iter().map(|tile| tile.at as u32).collect();
    (there, sheet.lost.iter().map(|lost| lost.at).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_second_costs_the_exact_tiles_in_it_and_no_others() {
    let (_made, file) = film_with_hole(30, 12..14);
    for interval in [1, 13] {
        let film = Film::open(&file, &overview("exact", &interval.to_string())).await;
        let sheet = film.render().await.unwrap();
        let all = (0..30).step_by(interval);
        let wanted = all.partition(|second| !(13..14).contains(second));
        assert_eq!(seconds(&sheet), wanted, "every {interval} s");
        for lost in &sheet.lost {
            assert_eq!(lost.error.reason, "damaged", "{lost:?}");
        }
        sheet.remove().unwrap();
        let compared = film.compare().await;
        assert!(compared.is_true(), "{compared}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_hole_costs_the_tiles_in_it_and_no_others() {
    let (_made, file) = film_with_hole(240, 42..200);
    let film = Film::open(&file, &overview("exact", "5")).await;
    let sheet = film.render().await.unwrap();
    let all = film.job.sheet.times();
    let wanted = all.partition(|second| !(42..200).contains(second));
    assert_eq!(seconds(&sheet), wanted);
    assert!(sheet.lost.iter().all(|lost| !lost.error.message.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_that_starts_in_a_hole_has_the_tiles_behind_it() {
    let (_made, file) = film_with_hole(120, 10..70);
    let mut film = Film::open(&file, &overview("exact", "2")).await;
    film.job.sheet.start = 20;
    let sheet = film.render().await.unwrap();
    let wanted = (20..120).step_by(2).partition(|second| *second >= 70);
    assert_eq!(seconds(&sheet), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_whose_tiles_are_all_lost_fails() {
    let (_made, file) = film_with_hole(60, 20..50);
    for interval in ["2", "5"] {
        let mut film = Film::open(&file, &overview("exact", interval)).await;
        (film.job.sheet.start, film.job.sheet.end) = (25, 50.0);
        match film.render().await {
            Err(JobError::Permanent(PermanentError::Damaged { .. })) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_without_an_index_have_tiles_of_keyframes_too() {
    let encoder = |codec| ["-c:v", codec, "-g", "15", "-b:v", "1M", "-r", "25"];
    for (codec, ending) in [
        ("mpeg4", "avi"),
        ("flv", "flv"),
        ("msmpeg4v2", "asf"),
        ("mpeg4", "nut"),
        ("mpeg2video", "mpg"),
        ("mpeg2video", "ts"),
        ("mjpeg", "avi"),
    ] {
        let made = Made::new(&encoder(codec), 20);
        let file = made.remuxed(ending);
        let compared = compared(&file, "keyframes", "4").await;
        println!("{ending}: {compared}");
        assert!(compared.is_true(), "{ending}: {compared}");
        assert!(compared.tiles.len() >= 5, "{ending}: {compared}");
    }
}

/// Where FFmpeg's own decode has other times than the film, slices are the reference.
#[tokio::test(flavor = "multi_thread")]
async fn keyframes_of_films_with_a_timeline_are_what_slices_show() {
    for name in [
        "19-pid-change/pid.ts",
        "s04-clock-leaps/ts-jump20h.ts",
        "s05-hls-reset/hls-reset.ts",
        "s09-ts-duplicates/tdup.ts",
    ] {
        let tiles = async |kind| {
            let film = Film::open(&case(name), &overview(kind, "1")).await;
            film.at_whole_seconds().await
        };
        let keyframes = tiles("keyframes").await;
        let exact = tiles("exact").await;
        assert!(keyframes.len() > 5, "{name}");
        for (second, keyframe) in &keyframes {
            let similarity = ssim(keyframe, &exact[second], 160);
            assert!(similarity > 0.97, "{name}: second {second}: {similarity}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_ffmpeg_counts_have_their_own_times() {
    for (encoder, ending) in [
        (["-c:v", "mpeg4", "-g", "15", "-bf", "2"], "avi"),
        (["-c:v", "mpeg2video", "-g", "15", "-bf", "2"], "mxf"),
        (["-c:v", "libx264", "-g", "15", "-bf", "2"], "flv"),
    ] {
        let source = "mandelbrot=size=320x180:rate=25:end_scale=0.01,trim=end=12";
        let made = Made::of(source, &encoder, ending);
        let compared = compared(&made.file, "keyframes", "4").await;
        assert!(compared.is_true(), "{ending}: {compared}");
    }
}

//! Sheets of films of all codecs and containers.

use std::path::{Path, PathBuf};
use std::process::Command;

use gifgen_testkit::media;

use crate::{
    support::Bench,
    whole::{Planned, assert_tiles, check_bench},
};

/// A small film of 30 s, with a keyframe each two seconds at most.
pub fn small(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let target = folder.join(name);
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-t", "30", "-i"])
        .arg(media::folder().join("perf_bbb_1080p24_56s.mp4"))
        .args(["-an", "-s", "256x144", "-g", "48"])
        .args(arguments)
        .arg(&target)
        .status();
    assert!(status.unwrap().success(), "{name}");
    target
}

pub async fn hold(file: &Path, intervals: &[u32]) {
    let bench = Bench::new(file, 0).await;
    let whole = bench.whole();
    for interval in intervals {
        for planned in [Planned::BySplitter, Planned::ByWorkers] {
            let seen = check_bench(&bench, &whole, *interval, planned).await;
            let seen = seen.unwrap();
            let name = file.display();
            assert_eq!((seen.unplanned, seen.exact()), (0, 0), "{name} {seen:?}");
            assert_tiles(&bench, &seen, *interval, 0);
        }
    }
}

pub const OPEN_H264: [&str; 8] = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-bf",
    "3",
    "-x264-params",
    "open-gop=1:b-pyramid=normal",
];
const OPEN_HEVC: [&str; 6] = [
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "open-gop=1:bframes=3:keyint=48:log-level=none",
];

#[tokio::test]
async fn keyframes_of_open_groups_of_h264_are_shown_in_each_container() {
    let folder = tempfile::tempdir().unwrap();
    for (name, live) in [
        ("h.mp4", false),
        ("h.mkv", false),
        ("h.ts", false),
        ("live.mkv", true),
    ] {
        let arguments = if live { &["-live", "1"][..] } else { &[] };
        hold(
            &small(folder.path(), name, &[&OPEN_H264[..], arguments].concat()),
            &[1, 5],
        )
        .await;
    }
}

/// A copy of `file` in another container, without encoding it again.
fn copy(file: &Path, name: &str) -> PathBuf {
    let target = file.with_file_name(name);
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(file)
        .args(["-c", "copy"])
        .arg(&target)
        .status();
    assert!(status.unwrap().success(), "{name}");
    target
}

#[tokio::test]
async fn keyframes_whose_parameters_are_only_at_the_start_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    for (name, structure) in [("p.mp4", &[][..]), ("i.mp4", &["-flags", "+ildct+ilme"])] {
        let film = small(folder.path(), name, &[&OPEN_H264[..], structure].concat());
        hold(&copy(&film, "h.ts"), &[1, 5]).await;
        hold(&copy(&film, "h.m2ts"), &[1, 5]).await;
    }
}

#[tokio::test]
async fn keyframes_of_open_groups_of_hevc_are_shown_in_each_container() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["h.mp4", "h.mkv", "h.ts"] {
        hold(&small(folder.path(), name, &OPEN_HEVC), &[1, 5]).await;
    }
}

#[tokio::test]
async fn keyframes_of_mpeg_2_are_shown_in_each_container() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["m.ts", "m.mkv"] {
        let mpeg2 = ["-c:v", "mpeg2video", "-bf", "2", "-q:v", "6"];
        hold(&small(folder.path(), name, &mpeg2), &[1, 5]).await;
    }
    let interlaced = [
        "-c:v",
        "mpeg2video",
        "-bf",
        "2",
        "-flags",
        "+ildct+ilme",
        "-q:v",
        "6",
    ];
    hold(&small(folder.path(), "i.ts", &interlaced), &[1, 5]).await;
}

#[tokio::test]
async fn keyframes_of_vp9_and_av1_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let vp9 = [
        "-c:v",
        "libvpx-vp9",
        "-deadline",
        "realtime",
        "-cpu-used",
        "8",
        "-b:v",
        "300k",
    ];
    hold(&small(folder.path(), "v.webm", &vp9), &[1, 5]).await;
    let live = [&vp9[..], &["-live", "1"]].concat();
    hold(&small(folder.path(), "live.webm", &live), &[1, 5]).await;
    let av1 = [
        "-c:v",
        "libsvtav1",
        "-preset",
        "12",
        "-b:v",
        "300k",
        "-loglevel",
        "quiet",
    ];
    hold(&small(folder.path(), "a.mkv", &av1), &[1, 5]).await;
    hold(&small(folder.path(), "a.mp4", &av1), &[1, 5]).await;
}

#[tokio::test]
async fn the_keyframe_of_a_short_film_without_cues_is_shown() {
    hold(&media::video("d12_vp9_no_duration.webm"), &[1, 5]).await;
}

/// Two that are long, one without video, and one whose bitstream is invalid.
const SKIPPED: [&str; 5] = ["d29", "d35", "d43", "file", "perf"];

/// What cannot be cut out is exact, and nothing that is fed is another picture.
#[tokio::test]
async fn keyframes_of_real_media_show_what_the_whole_shows() {
    for medium in media::manifest() {
        let is_indexed = ["mov", "matroska", "mpegts"]
            .iter()
            .any(|container| medium.container.contains(container));
        if !is_indexed || SKIPPED.iter().any(|name| medium.file.starts_with(name)) {
            continue;
        }
        let file = media::video(&medium.file);
        let Ok(bench) = tokio::spawn(async move { Bench::new(&file, 0).await }).await else {
            continue;
        };
        let whole = bench.whole();
        match check_bench(&bench, &whole, 1, Planned::ByWorkers).await {
            Ok(seen) => println!(
                "{}: {} keyframes, {} exact, {} sheets without a plan",
                medium.file,
                seen.keyed(),
                seen.exact(),
                seen.unplanned
            ),
            Err(error) => println!("{}: {error}", medium.file),
        }
    }
}

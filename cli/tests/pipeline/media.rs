//! The whole pipeline over every test video. Each gives exactly what `manifest.tsv` says, or a clear
//! rejection.

use std::path::{Path, PathBuf};

use crate::support::{names, pictures, run};
use gifgen_testkit::media::{self as testmedia, Expect, Medium};
use serde_json::Value;

/// Tolerance of the measured length against the manifest's, in seconds: one picture, and both roundings.
const LENGTH_TOLERANCE: f64 = 0.045;

#[test]
fn every_test_video_gives_its_previews_or_a_clear_rejection() {
    let out = tempfile::tempdir().unwrap();
    let media = testmedia::manifest();
    let videos: Vec<PathBuf> = media
        .iter()
        .map(|m| testmedia::folder().join(&m.file))
        .collect();
    let (code, summary, stderr) = run(&videos, out.path(), &[]);
    assert_eq!(code, Some(3), "some are rejected: {stderr}");
    for medium in &media {
        let videos = summary["videos"].as_array().unwrap();
        let video = videos
            .iter()
            .find(|video| video["key"] == *medium.file)
            .unwrap();
        let folder = out.path().join(&medium.file);
        match medium.expect {
            Expect::Gif => check_previews(medium, video, &folder),
            Expect::Still => check_rejected(video, &folder, "notAVideo"),
            Expect::Error => check_rejected(video, &folder, reason_of(medium)),
        }
    }
    let leftovers = names(out.path())
        .into_iter()
        .filter(|name| name.starts_with(".gifgen-work-"));
    assert_eq!(leftovers.count(), 0);
}

/// The expected reason of a file without previews.
fn reason_of(medium: &Medium) -> &'static str {
    match &medium.file[..3] {
        "d29" | "d30" => "noVideoStream",
        // The header of d43 is valid, but no picture decodes.
        "d31" | "d32" | "d43" => "unreadable",
        other => panic!("what is wrong with {other}?"),
    }
}

fn check_rejected(video: &Value, folder: &Path, reason: &str) {
    let said = video["error"]
        .as_str()
        .unwrap_or_else(|| panic!("{video} is not rejected"));
    assert!(said.starts_with(reason), "{said}");
    assert!(!said.contains("X-Amz"), "{said}");
    for previews in ["run.json", "gifs", "frames", "storyboard.vtt"] {
        assert!(!folder.join(previews).exists(), "{}", folder.display());
    }
}

fn check_previews(medium: &Medium, video: &Value, folder: &Path) {
    let name = &medium.file;
    assert!(video.get("error").is_none(), "{video}");
    let length = video["length"].as_f64().unwrap();
    let span = medium.video_span_s.unwrap();
    assert!(
        (length - span).abs() <= LENGTH_TOLERANCE,
        "{name}: {length} s, not {span} s"
    );
    let slices = video["slices"].as_u64().unwrap() as u32;
    let (least, most) = medium.slices_30s;
    assert!((least..=most).contains(&slices), "{name}: {slices} slices");
    assert_eq!(video["done"], slices, "{name}");

    let stills: Vec<_> = (0..length.ceil() as u32)
        .map(|s| format!("{s:06}.jpg"))
        .collect();
    assert_eq!(names(&folder.join("frames")), stills, "{name}");
    let (width, height) = medium.display.unwrap();
    for still in [stills.first().unwrap(), stills.last().unwrap()] {
        let still = image::open(folder.join("frames").join(still)).unwrap();
        assert_eq!((still.width(), still.height()), (width, height), "{name}");
    }

    let gifs: Vec<_> = (0..slices)
        .map(|index| format!("{:06}.gif", index * 30))
        .collect();
    assert_eq!(names(&folder.join("gifs")), gifs, "{name}");
    let mut duration = 0;
    for gif in &gifs {
        for (picture, delay) in pictures(&folder.join("gifs").join(gif)) {
            duration += delay;
            assert_eq!(picture.width(), 240, "{name}");
            let wanted = 240.0 * f64::from(height) / f64::from(width);
            assert!(
                (f64::from(picture.height()) - wanted).abs() <= 1.0,
                "{name}"
            );
        }
    }
    // One picture for each tenth of a second that begins inside the video.
    assert_eq!(
        duration,
        (length * 10.0 - 1e-6).ceil() as u32 * 100,
        "{name}"
    );
}

#[test]
fn forty_seconds_give_two_gifs_and_forty_stills() {
    let out = tempfile::tempdir().unwrap();
    let (code, summary, stderr) = run(&[testmedia::video("d34")], out.path(), &[]);
    assert_eq!(code, Some(0), "{stderr}");
    let folder = out.path().join("d34_h264_40s.mp4");
    // Previews, receipts, run, manifest and track.
    assert_eq!(summary["files"], 2 + 40 + 2 + 3);
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["status"], "complete");
    assert_eq!(manifest["slices"][1]["frames"]["count"], 10);
    let seconds = |gif: &str| {
        let pictures = pictures(&folder.join("gifs").join(gif));
        f64::from(pictures.iter().map(|(_, delay)| delay).sum::<u32>()) / 1000.0
    };
    assert_eq!(names(&folder.join("frames")).len(), 40);
    assert_eq!(seconds("000000.gif"), 30.0);
    assert!((9.8..=9.9).contains(&seconds("000030.gif")));
}

#[test]
fn settings_change_what_is_made_and_a_second_run_leaves_nothing_of_the_first() {
    let out = tempfile::tempdir().unwrap();
    let video = [testmedia::video("d02")];
    let folder = out.path().join("d02_h264_720p_25fps.mp4");
    let (code, _, stderr) = run(&video, out.path(), &["--slice-seconds", "1"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(names(&folder.join("gifs")).len(), 3);
    let flags = [
        "--gif-width",
        "100",
        "--gif-fps",
        "30",
        "--frame-width",
        "64",
    ];
    let (code, _, stderr) = run(&video, out.path(), &flags);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(names(&folder.join("gifs")), ["000000.gif"]);
    let pictures = pictures(&folder.join("gifs/000000.gif"));
    assert_eq!(pictures.len(), 90);
    assert_eq!(pictures[0].0.dimensions(), (100, 56));
    assert_eq!(pictures.iter().map(|(_, delay)| delay).sum::<u32>(), 3000);
    let still = image::open(folder.join("frames/000002.jpg")).unwrap();
    assert_eq!((still.width(), still.height()), (64, 36));
    let (code, _, stderr) = run(&video, out.path(), &["--frames", "none"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(names(&folder.join("frames")), Vec::<String>::new());
}

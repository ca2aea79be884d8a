//! Overviews, tracks, and runs with other settings, as a user of `gifgen` meets them.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use gifgen_testkit::media;
use serde_json::Value;

use crate::support::{gifgen, names, run_all};

/// Film of 40 s.
const FILM: &str = "d34_h264_40s.mp4";

/// Settings that are rendered quickly.
const QUICK: [&str; 6] = ["--gif-width", "48", "--gif-fps", "2", "--frame-width", "64"];

fn film() -> [PathBuf; 1] {
    [media::video(FILM)]
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// When each file of a folder was written.
fn written(folder: &Path) -> BTreeMap<String, SystemTime> {
    let times = names(folder).into_iter().map(|name| {
        let time = fs::metadata(folder.join(&name))
            .unwrap()
            .modified()
            .unwrap();
        (name, time)
    });
    times.collect()
}

#[test]
fn a_seek_bar_alone_is_sheets_and_tracks() {
    let out = tempfile::tempdir().unwrap();
    let (code, summary, stderr) = run_all(&film(), out.path(), &["--seekbar-only"]);
    assert_eq!(code, Some(0), "{stderr}");
    let video = &summary["videos"][0];
    assert_eq!((&video["slices"], &video["sheets"]), (&0.into(), &1.into()));
    let folder = out.path().join(FILM);
    assert_eq!(
        names(&folder),
        [
            "manifest.json",
            "overview",
            "overview.vtt",
            "receipts",
            "run.json",
            "tracks"
        ]
    );
    let manifest = manifest(&folder);
    assert_eq!(manifest["status"], "complete");
    let tiles = manifest["overview"]["sheets"][0]["tiles"]
        .as_array()
        .unwrap();
    assert!(tiles.len() >= 5, "{tiles:?}");
    let times: Vec<f64> = tiles
        .iter()
        .map(|tile| tile["at"].as_f64().unwrap())
        .collect();
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    let track = fs::read_to_string(folder.join("overview.vtt")).unwrap();
    assert_eq!(
        track.matches("overview/0000.jpg#xywh=").count(),
        tiles.len(),
        "{track}"
    );
    assert!(manifest["cost"]["dollars"].as_f64().unwrap() > 0.0);
}

#[test]
fn another_width_of_the_overview_renders_the_overview_only() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join(FILM);
    let (code, summary, stderr) = run_all(&film(), out.path(), &QUICK);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(summary["videos"][0]["sent"], 3);
    let kinds = ["gifs", "frames", "storyboards"];
    let before = kinds.map(|kind| written(&folder.join(kind)));
    let wider = [&QUICK[..], &["--overview-width", "240"]].concat();
    let (code, summary, stderr) = run_all(&film(), out.path(), &wider);
    assert_eq!(code, Some(0), "{stderr}");
    let video = &summary["videos"][0];
    assert_eq!((&video["sent"], &video["done"]), (&1.into(), &2.into()));
    assert_eq!(kinds.map(|kind| written(&folder.join(kind))), before);
    let manifest = manifest(&folder);
    assert_eq!(
        (&manifest["run"], &manifest["status"]),
        (&2.into(), &"complete".into())
    );
    assert_eq!(manifest["overview"]["sheets"][0]["sheet"]["tileWidth"], 240);
    assert_eq!(manifest["slices"].as_array().unwrap().len(), 2);
    let sheet = image::open(folder.join("overview/0000.jpg")).unwrap();
    assert_eq!(sheet.width() % 240, 0);
}

#[test]
fn what_a_run_does_not_make_is_removed_unless_it_is_to_be_kept() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join(FILM);
    let run = |flags: &[&str]| {
        let flags = [&QUICK[..], flags].concat();
        let (code, _, stderr) = run_all(&film(), out.path(), &flags);
        assert_eq!(code, Some(0), "{stderr}");
    };
    run(&["--tracks", "vtt,json,bif"]);
    // A still of a longer version.
    fs::write(folder.join("frames/000900.jpg"), "JPG, or so").unwrap();
    run(&["--frames", "none", "--keep-old"]);
    assert_eq!(names(&folder.join("frames")).len(), 41);
    assert!(folder.join("storyboard.vtt").exists());
    assert!(folder.join("tracks/bif/overview.bif").exists());
    run(&["--frames", "none"]);
    assert_eq!(names(&folder.join("frames")), Vec::<String>::new());
    assert_eq!(names(&folder.join("gifs")).len(), 2);
    assert!(!folder.join("storyboard.vtt").exists());
    assert!(!folder.join("tracks/bif/overview.bif").exists());
    assert!(folder.join("overview.vtt").exists());
}

/// Asserts that a folder has each object that its manifest names.
fn assert_whole(folder: &Path) {
    fn keys<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                let is_source = fields.contains_key("container");
                let key = fields.get("key").filter(|_| !is_source);
                found.extend(key.and_then(Value::as_str));
                fields.values().for_each(|value| keys(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let manifest = manifest(folder);
    assert_eq!(manifest["status"], "complete");
    let mut named = Vec::new();
    keys(&manifest, &mut named);
    let track = format!("{FILM}/overview.vtt");
    assert!(named.contains(&track.as_str()), "{named:?}");
    for key in named {
        assert!(folder.parent().unwrap().join(key).is_file(), "{key}");
    }
    for slice in manifest["slices"].as_array().unwrap() {
        let frames = &slice["frames"];
        let first = frames["first"].as_u64().unwrap();
        for second in first..first + frames["count"].as_u64().unwrap() {
            let still = format!("frames/{second:06}.jpg");
            assert!(folder.join(&still).is_file(), "{still}");
        }
    }
}

#[test]
fn runs_into_one_folder_leave_all_that_the_manifest_names() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join(FILM);
    let others = [&QUICK[..], &["--tracks", "bif", "--gif-width", "32"]].concat();
    let others = &others[2..];
    for flags in [&QUICK[..], &QUICK[..], others, &QUICK[..]] {
        let (code, _, stderr) = run_all(&film(), out.path(), flags);
        assert_eq!(code, Some(0), "{stderr}");
        assert_whole(&folder);
    }
    let left = names(&folder.join("tracks"));
    assert_eq!(left, ["json"]);
}

#[test]
fn a_preview_that_was_changed_by_hand_is_made_again() {
    let out = tempfile::tempdir().unwrap();
    let gif = out.path().join(FILM).join("gifs/000030.gif");
    run_all(&film(), out.path(), &QUICK);
    let right = fs::read(&gif).unwrap();
    fs::write(&gif, b"GIF89a, or so").unwrap();
    let wider = [&QUICK[..], &["--overview-width", "80"]].concat();
    let (code, summary, stderr) = run_all(&film(), out.path(), &wider);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(summary["videos"][0]["sent"], 2);
    assert!(fs::read(&gif).unwrap() == right);
}

#[test]
fn what_is_no_file_of_an_earlier_run_is_left_alone() {
    let out = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = out.path().join(FILM);
    let run = |flags: &[&str]| {
        let flags = [&QUICK[..], flags].concat();
        let (code, _, stderr) = run_all(&film(), out.path(), &flags);
        assert_eq!(code, Some(0), "{stderr}");
    };
    run(&[]);
    let (still, link) = (
        elsewhere.path().join("still.jpg"),
        folder.join("frames/000003.jpg"),
    );
    fs::rename(&link, &still).unwrap();
    symlink(&still, &link).unwrap();
    let before = fs::read(&still).unwrap();
    // Reading one of these would never end.
    symlink("/dev/zero", folder.join("frames/900000.jpg")).unwrap();
    let fifo = folder.join("gifs/000000.gif");
    fs::remove_file(&fifo).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    fs::create_dir(folder.join("frames/900001.jpg")).unwrap();
    let receipt = folder.join("receipts/1/000030.json");
    fs::write(&receipt, "no receipt").unwrap();
    run(&["--overview-width", "80"]);
    assert!(fs::read(&still).unwrap() == before);
    assert!(fs::symlink_metadata(&link).unwrap().is_file());
    assert!(fs::symlink_metadata(&fifo).unwrap().is_file());
    assert_whole(&folder);
}

#[test]
fn a_run_that_cannot_have_been_is_not_taken_over() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join(FILM);
    let run_json = folder.join("run.json");
    let flags = [&QUICK[..], &["--seekbar-only"]].concat();
    run_all(&film(), out.path(), &flags);
    let right: Value = serde_json::from_slice(&fs::read(&run_json).unwrap()).unwrap();
    for (field, value) in [("run", u32::MAX), ("sheets", 7)] {
        let mut wrong = right.clone();
        wrong[field] = value.into();
        fs::write(&run_json, wrong.to_string()).unwrap();
        let (code, summary, stderr) = run_all(&film(), out.path(), &flags);
        assert_eq!(code, Some(0), "{field}: {stderr}");
        assert_eq!(summary["videos"][0]["sent"], 1);
        assert_eq!(manifest(&folder)["run"], 1);
    }
}

#[test]
fn tracks_are_exported_without_rendering() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join(FILM);
    run_all(&film(), out.path(), &["--seekbar-only"]);
    let sheet = fs::read(folder.join("overview/0000.jpg")).unwrap();
    let export = |formats: &str| {
        let output = gifgen()
            // Nothing is rendered, so there need not be an FFmpeg.
            .env("PATH", "")
            .arg("export")
            .arg(&folder)
            .args(["--as", formats])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (
            output.status.code(),
            said,
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said, stderr) = export("bif,hls,dash,jellyfin,json,vtt");
    assert_eq!(code, Some(0), "{stderr}");
    for file in said.lines() {
        assert!(fs::metadata(file).unwrap().len() > 0, "{file}");
    }
    for name in ["bif/overview.bif", "hls/overview.m3u8", "dash/overview.mpd"] {
        assert!(folder.join("tracks").join(name).is_file(), "{name}");
    }
    assert!(fs::read(folder.join("overview/0000.jpg")).unwrap() == sheet);
    let (code, _, stderr) = export("gif");
    assert_eq!(code, Some(2), "{stderr}");
    fs::remove_file(folder.join("manifest.json")).unwrap();
    let (code, _, stderr) = export("bif");
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("has no manifest.json: name the folder"),
        "{stderr}"
    );
}

#[test]
fn tracks_are_exported_from_the_sheets_of_the_run_only_and_into_its_folder_only() {
    let out = tempfile::tempdir().unwrap();
    let elsewhere = out.path().join("elsewhere");
    let folder = out.path().join(FILM);
    run_all(&film(), out.path(), &["--seekbar-only"]);
    let refused = |reason: &str| {
        let mut export = gifgen();
        export.arg("export").arg(&folder).args(["--as", "hls"]);
        let output = export.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_ne!(output.status.code(), Some(0), "{reason}");
        assert!(stderr.contains(reason), "{stderr}");
    };
    let sheet = folder.join("overview/0000.jpg");
    let right = fs::read(&sheet).unwrap();
    // Another picture of the same size.
    let picture = image::open(&sheet).unwrap().rotate180();
    picture.save(&sheet).unwrap();
    refused(
        "failed to read overview/0000.jpg: it is not the sheet that receipts/1/overview-0000.json names",
    );
    fs::write(&elsewhere, &right).unwrap();
    for other in [&elsewhere, Path::new("/dev/zero")] {
        fs::remove_file(&sheet).unwrap();
        symlink(other, &sheet).unwrap();
        refused("overview/0000.jpg: it is no regular file");
    }
    fs::remove_file(&sheet).unwrap();
    fs::write(&sheet, &right).unwrap();
    let playlist = folder.join("tracks/hls/overview.m3u8");
    fs::create_dir_all(playlist.parent().unwrap()).unwrap();
    symlink(&elsewhere, &playlist).unwrap();
    refused("overview.m3u8: it is there, and no regular file");
    assert!(fs::read(&elsewhere).unwrap() == right);
    let written = names(&folder.join("tracks/hls"));
    assert!(
        written.iter().all(|name| !name.starts_with('.')),
        "{written:?}"
    );
    let mut wrong = manifest(&folder);
    wrong["overview"]["sheets"][0]["tiles"][0]["place"] = 99.into();
    fs::write(folder.join("manifest.json"), wrong.to_string()).unwrap();
    refused("a tile is outside of its sheet");
    let mut twice = wrong["overview"]["sheets"].clone();
    let first = twice[0].clone();
    twice.as_array_mut().unwrap().push(first);
    wrong["overview"]["sheets"] = twice;
    fs::write(folder.join("manifest.json"), wrong.to_string()).unwrap();
    refused("the indexes of its sheets do not ascend");
}

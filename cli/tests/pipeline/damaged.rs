//! Cut, damaged and odd files. None yields less than the summary says.

use std::{fs, path::Path};

use gifgen_testkit::media;
use serde_json::Value;

use crate::{
    judged,
    support::{ffmpeg, names, pictures, run},
};

/// Runs the pipeline over one file. Returns the exit code, the video's part of the summary, and all
/// problems.
fn outcome(video: &Path, out: &Path) -> (Option<i32>, Value, String) {
    let (code, summary, stderr) = run(&[video.to_owned()], out, &["--frame-width", "64"]);
    (code, summary["videos"][0].clone(), stderr)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Makes a video with FFmpeg's test picture, which changes in every frame.
fn test_picture(size: &str, seconds: &str, target: &Path, encoder: &[&str]) {
    let source = format!("testsrc2=size={size}:rate=25:duration={seconds}");
    let mut args = vec!["-f", "lavfi", "-i", &source];
    args.extend([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
    ]);
    args.extend(encoder);
    args.push(text(target));
    ffmpeg(args);
}

#[test]
fn a_truncated_file_is_rejected_and_not_taken_for_a_shorter_one() {
    let folder = tempfile::tempdir().unwrap();
    for (name, keep) in [("half.mp4", 50), ("most.mp4", 95), ("half.mkv", 50)] {
        let whole = folder.path().join(format!("whole-{name}"));
        let source = media::video("d44");
        ffmpeg([
            "-i",
            text(&source),
            "-c",
            "copy",
            "-movflags",
            "+faststart",
            text(&whole),
        ]);
        let bytes = fs::read(&whole).unwrap();
        let cut = folder.path().join(name);
        fs::write(&cut, &bytes[..bytes.len() * keep / 100]).unwrap();
        let (code, video, stderr) = outcome(&cut, &folder.path().join("out"));
        assert_eq!(code, Some(1), "{name}: {stderr}");
        let error = video["error"].as_str().unwrap();
        assert!(
            error.starts_with("unreadable: ") && error.contains("is truncated"),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_slice_in_which_pictures_do_not_decode_fails_and_names_them() {
    let folder = tempfile::tempdir().unwrap();
    for container in ["mp4", "mkv"] {
        check_holed(folder.path(), container);
    }
}

fn check_holed(folder: &Path, container: &str) {
    let whole = folder.join(format!("whole.{container}"));
    let encoder = ["-g", "50", "-bf", "0", "-movflags", "+faststart"];
    test_picture(
        "160x120",
        "60",
        &whole,
        if container == "mp4" {
            &encoder
        } else {
            &encoder[..4]
        },
    );
    let mut bytes = fs::read(&whole).unwrap();
    // Damages some seconds in the second slice, and no index at either end.
    let (from, to) = (bytes.len() * 65 / 100, bytes.len() * 80 / 100);
    bytes[from..to].fill(0);
    let holed = folder.join(format!("holed.{container}"));
    fs::write(&holed, bytes).unwrap();
    let (code, video, stderr) = outcome(&holed, &folder.join("out"));
    assert_eq!(code, Some(3), "{container}: {stderr}");
    assert_eq!(video["done"], 1);
    let failed = &video["failed"][0];
    assert_eq!(failed["start"], 30);
    let why = failed["message"].as_str().unwrap();
    assert!(why.contains("do not decode: the file is damaged"), "{why}");
}

#[test]
fn a_losslessly_trimmed_video_starts_at_its_first_shown_picture() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.mp4");
    test_picture("160x120", "20", &whole, &["-g", "250"]);
    let trimmed = folder.path().join("trimmed.mp4");
    // 100 packets before the cut are kept for decoding and marked as hidden.
    ffmpeg(["-ss", "4", "-i", text(&whole), "-c", "copy", text(&trimmed)]);
    let (code, video, stderr) = outcome(&trimmed, &folder.path().join("out"));
    assert_eq!(code, Some(0), "{stderr}");
    let length = video["length"].as_f64().unwrap();
    assert!((length - 16.0).abs() < 0.1, "{length}");
}

#[test]
fn a_stream_that_starts_between_keyframes_starts_at_its_first_decodable_picture() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.ts");
    test_picture(
        "160x120",
        "40",
        &whole,
        &["-g", "250", "-bf", "0", "-sc_threshold", "0"],
    );
    let bytes = fs::read(&whole).unwrap();
    let cut = folder.path().join("cut.ts");
    let packets = bytes.len() / 188 / 10;
    fs::write(&cut, &bytes[packets * 188..]).unwrap();
    let out = folder.path().join("out");
    let (code, video, stderr) = outcome(&cut, &out);
    assert_eq!(code, Some(0), "{stderr}");
    // Keyframes are at 0, 10, 20 and 30 s. The first one is cut off.
    let length = video["length"].as_f64().unwrap();
    assert!((length - 30.0).abs() < 0.1, "{length}");
    let still = |second: u32| fs::read(out.join(format!("cut.ts/frames/{second:06}.jpg"))).unwrap();
    assert_ne!(still(0), still(1));
}

#[test]
fn videos_of_a_few_pictures_are_rendered() {
    let folder = tempfile::tempdir().unwrap();
    for (rate, count) in [(25, 1), (25, 2), (25, 4), (30, 5), (10, 1), (120, 24)] {
        let video = folder.path().join(format!("{count}-at-{rate}.mp4"));
        let source = format!("testsrc2=size=160x120:rate={rate}");
        let count = count.to_string();
        ffmpeg([
            "-f",
            "lavfi",
            "-i",
            &source,
            "-frames:v",
            &count,
            "-c:v",
            "mpeg4",
            text(&video),
        ]);
        let out = folder.path().join("out");
        let (code, _, stderr) = outcome(&video, &out);
        assert_eq!(code, Some(0), "{count} at {rate}: {stderr}");
        let previews = out.join(video.file_name().unwrap());
        assert_eq!(names(&previews.join("frames")), ["000000.jpg"]);
        assert!(!pictures(&previews.join("gifs/000000.gif")).is_empty());
    }
}

#[test]
fn a_stream_that_changes_its_size_is_rendered_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let part = |name: &str, size| {
        let part = folder.path().join(name);
        test_picture(
            size,
            "10",
            &part,
            &["-output_ts_offset", if name == "b.ts" { "10" } else { "0" }],
        );
        fs::read(part).unwrap()
    };
    let joined = folder.path().join("joined.ts");
    fs::write(
        &joined,
        [part("a.ts", "160x120"), part("b.ts", "320x240")].concat(),
    )
    .unwrap();
    let out = folder.path().join("out");
    let (code, video, stderr) = outcome(&joined, &out);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(video["length"], 20.0);
    assert_eq!(names(&out.join("joined.ts/frames")).len(), 20);
}

/// Makes an MPEG-4 video of eight pictures a second. Groups of 16 B pictures lie between two reference
/// pictures, so two seconds at a time have no reference picture.
fn mostly_between(target: &Path) {
    let source = "testsrc2=size=160x120:rate=8:duration=40";
    let mut args = vec!["-f", "lavfi", "-i", source, "-c:v", "mpeg4", "-bf", "16"];
    args.extend(["-g", "100", "-sc_threshold", "1000000000", text(target)]);
    ffmpeg(args);
}

/// Offsets, in bits, of the flag of each B picture that says whether it is coded.
fn coded_bits(bytes: &[u8]) -> Vec<usize> {
    let is_set = |bit: usize| bytes[bit / 8] >> (7 - bit % 8) & 1 == 1;
    let starts = bytes.windows(5).enumerate();
    starts
        .filter(|(_, code)| code[..4] == [0, 0, 1, 0xB6] && code[4] >> 6 == 0b10)
        .map(|(at, _)| {
            // Start code and picture kind are followed by a one for each second, a zero, a marker, three
            // bits of time and another marker.
            let seconds = (at + 4) * 8 + 2;
            let end = (seconds..).find(|bit| !is_set(*bit)).unwrap();
            end + 1 + 1 + 3 + 1
        })
        .collect()
}

#[test]
fn a_gap_that_holds_only_pictures_between_others_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("between.mp4");
    mostly_between(&video);
    let mut bytes = fs::read(&video).unwrap();
    // Packets that are not coded give no picture, and FFmpeg does not complain.
    for bit in coded_bits(&bytes).into_iter().skip(3 * 16).take(16) {
        bytes[bit / 8] &= !(1 << (7 - bit % 8));
    }
    fs::write(&video, bytes).unwrap();
    let (code, video, stderr) = outcome(&video, &folder.path().join("out"));
    assert_eq!(code, Some(3), "{stderr}");
    let why = video["failed"][0]["message"].as_str().unwrap();
    assert!(why.contains("do not decode: the file is damaged"), "{why}");
}

#[test]
fn pictures_that_fast_decoding_leaves_out_for_seconds_are_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("between.mp4");
    mostly_between(&video);
    let out = folder.path().join("out");
    let (code, summary, stderr) = run(&[video], &out, &["--decode", "fast"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(summary["videos"][0]["done"], 2);
}

#[test]
fn a_picture_that_stands_long_is_no_damage_however_much_the_file_says_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("talkative.mkv");
    let words = format!("description={}", "A line of words.\n".repeat(1000));
    let spoof = "title\n[https @ 0x1] [error] Stream ends prematurely at 1, should be 2=x";
    let source = "testsrc2=size=64x36:rate=1/4:duration=12";
    ffmpeg([
        "-f",
        "lavfi",
        "-i",
        source,
        "-metadata",
        &words,
        "-metadata",
        spoof,
        text(&video),
    ]);
    let (code, _, stderr) = outcome(&video, &folder.path().join("out"));
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_size_that_cannot_be_is_rejected_before_any_slice_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("wide.mkv");
    let source = "testsrc2=size=1280x240:rate=5:duration=2,setsar=100/1";
    ffmpeg(["-f", "lavfi", "-i", source, text(&video)]);
    let (code, video, stderr) = outcome(&video, &folder.path().join("out"));
    assert_eq!(code, Some(1), "{stderr}");
    let error = video["error"].as_str().unwrap();
    assert!(error.contains("to be shown as 128000x240"), "{error}");
}

/// FFmpeg logs the language of a Matroska file as it is.
#[test]
fn a_damaged_film_cannot_write_its_own_log() {
    let folder = tempfile::tempdir().unwrap();
    let picture = |tenth: u32| {
        let time = tenth * 100;
        format!(
            "[info] decoder -> frame_pts:{time} pts:{time} time_base:1/1000 frame_type:1 keyframe:1"
        )
    };
    let pictures: Vec<String> = (0..300).map(picture).collect();
    let lines = [&["x".to_owned()], &pictures[..], &["x".to_owned()]].concat();
    let language = format!("language={}", lines.join("\n"));
    let film = |name: &str, args: &[&str]| {
        let path = folder.path().join(name);
        judged::film(
            &path,
            "160x120",
            &[&["-c:v", "libx264", "-g", "60"], args].concat(),
        );
        judged::spoiled(&path, 20..40)
    };
    let (_, plain, _) = judged::previews(&film("plain.mkv", &[]), "6");
    assert_eq!(plain["failed"][0]["start"], 0, "{plain}");
    let (_, video, _) = judged::previews(&film("spoof.mkv", &["-metadata:s:v", &language]), "6");
    assert_eq!(video["failed"], plain["failed"]);
}

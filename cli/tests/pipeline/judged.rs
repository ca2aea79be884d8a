//! Which pictures of a faulty file are shown. The same file without the fault tells which ones are right.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use gifgen_testkit::program;
use image::RgbImage;
use serde_json::Value;

use crate::support::{ffmpeg, names, pictures, run};

/// Length of the films in seconds, and their pictures per second.
pub const SECONDS: u32 = 16;
const RATE: u32 = 10;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A film whose picture changes all the time, with keyframes 2 s apart.
pub fn film(target: &Path, size: &str, args: &[&str]) {
    let source = format!("testsrc2=size={size}:rate={RATE}:duration={SECONDS}");
    let mut all = vec!["-f", "lavfi", "-i", &source, "-pix_fmt", "yuv420p"];
    all.extend(["-g", "20", "-bf", "0"]);
    all.extend(args);
    all.push(text(target));
    ffmpeg(all);
}

pub fn h264(target: &Path) {
    let x264 = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-sc_threshold",
        "0",
    ];
    film(target, "160x120", &x264);
}

/// The previews of a file: the exit code, the video's part of the summary, and the folder.
pub fn previews(video: &Path, slice: &str) -> (Option<i32>, Value, PathBuf) {
    let name = video.file_name().unwrap().to_str().unwrap();
    let out = video.with_file_name(format!("out-of-{name}-{slice}"));
    let flags = ["--slice-seconds", slice];
    let (code, summary, _) = run(&[video.to_owned()], &out, &flags);
    (code, summary["videos"][0].clone(), out.join(name))
}

pub fn still(previews: &Path, second: u32) -> RgbImage {
    let path = previews.join(format!("frames/{second:06}.jpg"));
    image::open(path).unwrap().into_rgb8()
}

/// Mean difference of two pictures, in levels.
pub fn difference(one: &RgbImage, other: &RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let pairs = one.as_raw().iter().zip(other.as_raw());
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.as_raw().len() as f64
}

/// Fails unless both show the same at each second.
pub fn assert_same_stills(faulty: &Path, whole: &Path) {
    assert_eq!(names(&faulty.join("frames")), names(&whole.join("frames")));
    for second in 0..SECONDS {
        let difference = difference(&still(faulty, second), &still(whole, second));
        assert!(
            difference < 1.0,
            "second {second} differs by {difference:.1}"
        );
    }
}

/// Offset and size of each packet of the video, in the order of the file.
pub fn packets(video: &Path) -> Vec<(usize, usize)> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries"])
        .args(["packet=size,pos", "-of", "csv=p=0", text(video)])
        .output()
        .unwrap();
    let number = |cell: &str| cell.parse().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.trim_end_matches(',').split_once(',').unwrap())
        .map(|(size, offset)| (number(offset), number(size)))
        .collect()
}

/// Writes a copy of `video` in which the second half of each of some packets is noise.
pub fn spoiled(video: &Path, which: std::ops::Range<usize>) -> PathBuf {
    let mut bytes = fs::read(video).unwrap();
    let mut noise: u32 = 14;
    for (offset, size) in packets(video).drain(which) {
        for byte in &mut bytes[offset + size / 2..offset + size] {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (noise >> 24) as u8;
        }
    }
    let target = video.with_file_name("spoiled.mp4");
    fs::write(&target, bytes).unwrap();
    target
}

#[test]
fn pictures_with_concealed_errors_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.mp4");
    h264(&whole);
    let (code, video, _) = previews(&spoiled(&whole, 82..120), "4");
    assert_eq!(code, Some(3), "{video}");
    assert_eq!(video["done"], 3);
    assert_eq!(video["failed"][0]["start"], 8);
    let why = video["failed"][0]["message"].as_str().unwrap();
    assert!(why.contains("do not decode: the file is damaged"), "{why}");
}

/// What lists the pictures is killed before the damaged ones.
#[test]
fn a_slice_whose_pictures_were_not_all_listed_is_not_good() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.mp4");
    h264(&whole);
    let spoiled = spoiled(&whole, 82..120);
    let killed = folder.path().join("killed-ffmpeg");
    let list_a_part = "#!/bin/bash\n\
         if [[ \" $* \" == *\" -debug_ts \"* ]]; then\n\
             ffmpeg \"$@\" 2>&1 >/dev/null | while IFS= read -r line; do\n\
                 printf '%s\\n' \"$line\" >&2\n\
                 [[ $line == *'decoder -> '*pts_time:5* ]] && break\n\
             done\n\
             kill -KILL $$\n\
         fi\n\
         exec ffmpeg \"$@\"\n";
    program::write(&killed, list_a_part);
    let out = folder.path().join("out");
    let flags = ["--slice-seconds", "16", "--ffmpeg", text(&killed)];
    let (code, summary, said) = run(&[spoiled], &out, &flags);
    assert_eq!(code, Some(1), "{summary}");
    assert!(said.contains("killed"), "{said}");
}

#[test]
fn a_few_pictures_with_concealed_errors_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.mp4");
    h264(&whole);
    let (code, video, out) = previews(&spoiled(&whole, 35..37), "16");
    assert_eq!(code, Some(0), "{video}");
    let (_, _, right) = previews(&whole, "16");
    assert_same_stills(&out, &right);
    // The last right picture stands until the next keyframe, at 4 s.
    let shown = pictures(&out.join("gifs/000000.gif"));
    let wanted = pictures(&right.join("gifs/000000.gif"));
    let rgb = |n: usize, of: &[(image::RgbaImage, u32)]| {
        image::DynamicImage::ImageRgba8(of[n].0.clone()).into_rgb8()
    };
    for n in 34..40 {
        let difference = difference(&rgb(n, &shown), &rgb(34, &wanted));
        assert!(difference < 8.0, "picture {n} differs by {difference:.1}");
    }
}

#[test]
fn packets_that_are_falsely_called_keyframes_start_no_slice() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.mp4");
    film(
        &whole,
        "160x120",
        &["-c:v", "mpeg4", "-q:v", "3", "-g", "45"],
    );
    let mut bytes = fs::read(&whole).unwrap();
    // Without its list of keyframes, every sample of an MP4 counts as one.
    let list = bytes.windows(4).position(|name| name == b"stss").unwrap();
    bytes[list..list + 4].copy_from_slice(b"free");
    let faulty = folder.path().join("faulty.mp4");
    fs::write(&faulty, bytes).unwrap();
    let (code, video, out) = previews(&faulty, "2");
    assert_eq!(code, Some(0), "{video}");
    assert_same_stills(&out, &previews(&whole, "2").2);
}

#[test]
fn one_picture_with_a_wrong_time_displaces_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.ts");
    h264(&whole);
    let wild = folder.path().join("wild.ts");
    let later = "setts=pts='if(eq(N,37),PTS+900000,PTS)'";
    ffmpeg([
        "-i",
        text(&whole),
        "-c",
        "copy",
        "-copyts",
        "-bsf:v",
        later,
        text(&wild),
    ]);
    for slice in ["16", "4"] {
        let (code, video, out) = previews(&wild, slice);
        assert_eq!(code, Some(0), "{video}");
        assert_same_stills(&out, &previews(&whole, slice).2);
    }
}

#[test]
fn pictures_that_an_avi_names_and_lacks_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.avi");
    film(&whole, "160x120", &["-c:v", "mpeg4", "-q:v", "3"]);
    let mut bytes = fs::read(&whole).unwrap();
    let starts = packets(&whole);
    bytes[starts[45].0..starts[63].0].fill(0);
    let faulty = folder.path().join("holed.avi");
    fs::write(&faulty, bytes).unwrap();
    let (code, video, out) = previews(&faulty, "4");
    assert_eq!(code, Some(3), "{video}");
    assert_eq!(video["failed"][0]["start"], 4);
    let (_, _, right) = previews(&whole, "4");
    for second in (0..4).chain(8..16) {
        let difference = difference(&still(&out, second), &still(&right, second));
        assert!(
            difference < 1.0,
            "second {second} differs by {difference:.1}"
        );
    }
}

#[test]
fn pictures_of_another_shape_are_fitted_into_that_of_the_video() {
    let folder = tempfile::tempdir().unwrap();
    let part = |name: &str, size: &str, offset: &str, extra: &[&str]| {
        let path = folder.path().join(name);
        let mut args = extra.to_vec();
        args.extend(["-output_ts_offset", offset]);
        film(&path, size, &args);
        fs::read(path).unwrap()
    };
    let x264: &[&str] = &["-c:v", "libx264", "-preset", "ultrafast"];
    let fields: &[&str] = &["-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "3"];
    for (name, codec) in [("turned.ts", x264), ("fields.ts", fields)] {
        let joined = [
            part("a.ts", "160x96", "0", codec),
            part("b.ts", "96x160", "16", codec),
        ]
        .concat();
        let path = folder.path().join(name);
        fs::write(&path, joined).unwrap();
        let (code, video, out) = previews(&path, "32");
        assert_eq!(code, Some(0), "{name}: {video}");
        let (wide, high) = (still(&out, 8), still(&out, 24));
        assert_eq!(high.dimensions(), wide.dimensions());
        let bright = |picture: &RgbImage, x| {
            let column = (0..picture.height()).map(|y| picture.get_pixel(x, y).0);
            column
                .map(|pixel| u32::from(*pixel.iter().max().unwrap()))
                .sum::<u32>()
        };
        // 96x160 in 160x96 is 58 wide: 51 columns at each side are black.
        assert!(
            bright(&high, 20) < 20 * 96 && bright(&high, 140) < 20 * 96,
            "{name}"
        );
        assert!(
            bright(&high, 80) > 60 * 96 && bright(&wide, 20) > 60 * 96,
            "{name}"
        );
    }
}

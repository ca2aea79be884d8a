//! Pictures of H.264 that were lost before their file was written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use h264_reader::{
    nal::{WritableNal as _, sps::SeqParameterSet},
    rbsp::{BitReader, BitWriter, ByteWriter, decode_nal},
};
use serde_json::Value;

use crate::{
    judged::{film, previews},
    support::ffmpeg,
};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A film with keyframes 6 s apart, and these arguments.
fn long_groups(target: &Path, args: &[&str]) {
    let x264 = ["-c:v", "libx264", "-g", "60", "-sc_threshold", "0"];
    film(target, "160x120", &[&x264, args].concat());
}

/// A copy of a film without some of its packets, by FFmpeg's condition on their numbers.
fn without(whole: &Path, which: &str, name: &str) -> PathBuf {
    let lossy = whole.with_file_name(name);
    let lose = format!("noise=amount=0:drop='{which}'");
    let copied = ["-c", "copy", "-bsf:v", &lose];
    ffmpeg([&["-i", text(whole)], &copied[..], &[text(&lossy)]].concat());
    lossy
}

#[test]
fn h264_that_was_lost_before_its_file_was_written_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.mp4");
    long_groups(&whole, &[]);
    for container in ["mp4", "mkv", "flv", "avi", "nut"] {
        let lossy = without(&whole, "between(n,25,29)", &format!("lossy.{container}"));
        let (code, video, _) = previews(&lossy, "6");
        assert_eq!(code, Some(3), "{container}: {video}");
        assert_eq!(video["done"], 2, "{container}: {video}");
        assert_eq!(video["failed"][0]["start"], 0, "{container}");
    }
}

/// Behind the loss the decoder gives no picture before a keyframe, and there is none.
#[test]
fn h264_that_was_lost_across_the_end_of_a_slice_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.mp4");
    long_groups(&whole, &["-g", "1000"]);
    for container in ["mp4", "mkv", "flv", "nut", "ts"] {
        let lossy = without(&whole, "between(n,31,70)", &format!("lossy.{container}"));
        let (_, video, _) = previews(&lossy, "6");
        assert_eq!(failed_starts(&video), [0, 6, 12], "{container}: {video}");
    }
}

/// Where the slices start that failed, in order.
fn failed_starts(video: &Value) -> Vec<u64> {
    let failed = video["failed"].as_array().unwrap();
    let starts = failed.iter().map(|slice| slice["start"].as_u64().unwrap());
    let mut starts: Vec<u64> = starts.collect();
    starts.sort_unstable();
    starts
}

#[test]
fn h264_of_a_variable_rate_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let variable = folder.path().join("variable.mp4");
    let some = "select='not(between(mod(n,40),4,8))'";
    long_groups(&variable, &["-vf", some, "-fps_mode", "vfr"]);
    let (code, video, _) = previews(&variable, "6");
    assert_eq!(code, Some(0), "{video}");
}

/// The decoder hints at lost pictures where it starts at a keyframe that is no IDR picture, too.
#[test]
fn h264_of_a_variable_rate_with_open_groups_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let open = "open-gop=1:scenecut=0:keyint=30:min-keyint=1:bframes=2";
    let some = "select='not(between(mod(n,30),5,8))'";
    for container in ["mkv", "flv"] {
        let variable = folder.path().join(format!("open.{container}"));
        let rate = ["-vf", some, "-fps_mode", "vfr", "-bf", "2"];
        let groups = [
            "-force_key_frames",
            "expr:gte(t,n_forced*3)",
            "-x264-params",
            open,
        ];
        long_groups(&variable, &[&rate[..], &groups].concat());
        let (code, video, _) = previews(&variable, "5");
        assert_eq!(code, Some(0), "{container}: {video}");
    }
}

/// As of a screen: few pictures, and many while something moves.
#[test]
fn h264_that_was_lost_in_a_burst_is_damage_though_the_hole_is_short() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.mp4");
    let burst = "fps=30,select='between(t,4,5)+not(mod(n,9))'";
    long_groups(
        &whole,
        &[
            "-vf",
            burst,
            "-fps_mode",
            "vfr",
            "-force_key_frames",
            "0,12",
        ],
    );
    let lossy = without(&whole, "between(n,25,29)", "lossy.mp4");
    for slice in ["16", "6"] {
        assert_eq!(previews(&whole, slice).0, Some(0));
        let (_, video, _) = previews(&lossy, slice);
        assert_eq!(failed_starts(&video).first(), Some(&0), "{video}");
    }
}

/// The decoder says that it lacks pictures before those that it keeps back are presented.
#[test]
fn h264_that_was_lost_behind_a_pause_and_a_keyframe_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.mp4");
    let pause = "fps=30,select='not(between(n,113,119))'";
    let groups = "b-adapt=0:b-pyramid=normal:open-gop=0:scenecut=0:ref=3:keyint=1000";
    let rate = ["-vf", pause, "-fps_mode", "vfr", "-bf", "3"];
    let keyframes = ["-force_key_frames", "4,12", "-x264-params", groups];
    long_groups(&whole, &[&rate[..], &keyframes].concat());
    assert_eq!(previews(&whole, "16").0, Some(0));
    let lossy = without(&whole, "between(n,114,117)", "lossy.mp4");
    let (_, video, _) = previews(&lossy, "16");
    assert_eq!(failed_starts(&video), [0], "{video}");
}

/// A transport stream that starts shortly before its clock starts again. FFmpeg counts from before zero there.
fn before_its_clock_wraps(whole: &Path, name: &str) -> PathBuf {
    let stream = whole.with_file_name(name);
    let late = [
        "-output_ts_offset",
        "95403",
        "-muxdelay",
        "0",
        "-muxpreload",
        "0",
    ];
    ffmpeg(
        [
            &["-i", text(whole), "-c", "copy"],
            &late[..],
            &[text(&stream)],
        ]
        .concat(),
    );
    stream
}

/// B pictures, to which only other B pictures refer, are a layer.
#[test]
fn h264_without_one_of_its_layers_is_whole_if_it_says_that_it_has_layers() {
    let folder = tempfile::tempdir().unwrap();
    // In the order of decoding, P with three B each follow a keyframe.
    let closed = (
        "closed",
        "open-gop=0:keyint=60",
        "between(n,64,119)*gt(mod(mod(n,60)+3,4),0)",
        8,
    );
    let open = (
        "open",
        "open-gop=1:keyint=40:min-keyint=1",
        "between(n,61,159)*gt(mod(n+3,4),0)",
        0,
    );
    for (name, groups, layer, start) in [closed, open] {
        let whole = folder.path().join(format!("{name}.mp4"));
        let pyramid = format!("{groups}:b-adapt=0:b-pyramid=strict:bframes=3:ref=4:scenecut=0");
        long_groups(&whole, &["-bf", "3", "-x264-params", &pyramid]);
        let lossy = without(&whole, layer, &format!("{name}-lossy.mp4"));
        let (_, video, _) = previews(&lossy, "8");
        assert!(failed_starts(&video).contains(&start), "{name}: {video}");
        let mut bytes = fs::read(&lossy).unwrap();
        say_layers(&mut bytes);
        let layered = folder.path().join(format!("{name}-layered.mp4"));
        fs::write(&layered, bytes).unwrap();
        let stream = without(&layered, "0", &format!("{name}-layered.ts"));
        let before_wrap = before_its_clock_wraps(&layered, &format!("{name}-before.ts"));
        for layered in [layered, stream, before_wrap] {
            let (code, video, _) = previews(&layered, "8");
            assert_eq!(code, Some(0), "{name}: {video}");
        }
    }
}

/// Says in the parameters of an MP4 that pictures may be left out.
fn say_layers(file: &mut [u8]) {
    let setup = file.windows(4).position(|window| window == b"avcC");
    // Behind six bytes, and two with the length of the parameters.
    let at = setup.unwrap() + 4 + 8;
    let length = usize::from(file[at - 1]);
    let unit = &mut file[at..at + length];
    let bits = decode_nal(unit).unwrap();
    let mut parameters = SeqParameterSet::from_bits(BitReader::new(&*bits)).unwrap();
    assert!(!parameters.gaps_in_frame_num_value_allowed_flag);
    parameters.gaps_in_frame_num_value_allowed_flag = true;
    let mut changed = vec![unit[0]];
    let mut bits = BitWriter::new(ByteWriter::new(&mut changed));
    parameters.write_bits(&mut bits).unwrap();
    unit.copy_from_slice(&changed);
}

//! Transport streams that lose packets, repeat them, or are joined.

use std::{fs, ops::Range, path::Path};

use crate::judged::{
    SECONDS, assert_same_stills, difference, film, h264, packets, previews, still,
};

/// Bytes of a packet of a transport stream.
const TS_PACKET: usize = 188;

/// Each packet of a transport stream, twice.
fn twice(bytes: &[u8]) -> Vec<u8> {
    let packets = bytes.chunks(TS_PACKET);
    packets.flat_map(|packet| packet.repeat(2)).collect()
}

#[test]
fn packets_of_a_transport_stream_that_come_twice_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.ts");
    h264(&whole);
    let bytes = fs::read(&whole).unwrap();
    let doubled = folder.path().join("doubled.ts");
    fs::write(&doubled, twice(&bytes)).unwrap();
    let (code, video, out) = previews(&doubled, "4");
    assert_eq!(code, Some(0), "{video}");
    assert_same_stills(&out, &previews(&whole, "4").2);
}

#[test]
fn a_transport_stream_without_some_of_its_packets_is_damaged_there() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.ts");
    h264(&whole);
    let bytes = fs::read(&whole).unwrap();
    // From the keyframe at 4 s to that at 6 s.
    let starts = packets(&whole);
    let holed = [&bytes[..starts[40].0], &bytes[starts[60].0..]].concat();
    let faulty = folder.path().join("holed.ts");
    fs::write(&faulty, holed).unwrap();
    let (code, video, _) = previews(&faulty, "4");
    assert_eq!(code, Some(3), "{video}");
    assert_eq!(video["done"], 3);
    assert_eq!(video["failed"][0]["start"], 4);
}

/// So many packets of a stream make its counter agree with what follows.
const COUNTER: usize = 16;

#[test]
fn pictures_that_a_transport_stream_lost_without_a_sign_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    // H.264's decoder tells that whole pictures are missing, and that of MPEG-2 does not.
    check_lost_in(folder.path(), "mpeg2video", &[0; TS_PACKET]);
    check_lost_in(folder.path(), "libx264", &[0; TS_PACKET]);
    check_lost_in(folder.path(), "libx264", &[]);
}

/// Replaces packets of a film by `to`.
fn check_lost_in(folder: &Path, codec: &str, to: &[u8]) {
    let whole = folder.join(format!("whole-{codec}.ts"));
    film(
        &whole,
        "160x120",
        &["-c:v", codec, "-g", "60", "-sc_threshold", "0"],
    );
    let bytes = fs::read(&whole).unwrap();
    let is_video = |packet: &[u8]| packet[1] & 0x1f == 1 && packet[2] == 0;
    let starts: Vec<usize> = packets(&whole).iter().map(|packet| packet.0).collect();
    // Between the keyframes at 0 and 6 s.
    let hits = (25..45).flat_map(|first| (2..9).map(move |count| first..first + count));
    let mut hits = hits.map(|hit| starts[hit.start]..starts[hit.end]);
    let agrees = |hit: &Range<usize>| {
        let lost = bytes[hit.clone()].chunks(TS_PACKET);
        lost.filter(|packet| is_video(packet)).count() % COUNTER == 0
    };
    let hit = hits.find(agrees).unwrap();
    let lose = |packet: &[u8]| match is_video(packet) {
        true => to.to_vec(),
        false => packet.to_vec(),
    };
    let lost = bytes[hit.clone()].chunks(TS_PACKET);
    let rest: Vec<u8> = lost.flat_map(lose).collect();
    let faulty = folder.join(format!("{codec}-{}.ts", to.len()));
    let bytes = [&bytes[..hit.start], &rest, &bytes[hit.end..]].concat();
    fs::write(&faulty, bytes).unwrap();
    let (code, video, _) = previews(&faulty, "6");
    assert_eq!(code, Some(3), "{codec}: {video}");
    assert_eq!(video["failed"][0]["start"], 0, "{codec}");
}

/// A film of segments whose pictures have other distances at times, joined as players of HLS join them: the counters of
/// each start anew.
#[test]
fn joined_segments_with_a_hole_behind_each_keyframe_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let segments = folder.path().join("segment-%d.ts");
    let flags = [
        "-vf",
        "select='not(between(mod(n,40),4,6))'",
        "-fps_mode",
        "vfr",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-force_key_frames",
        "expr:gte(t,n_forced*4)",
        "-f",
        "segment",
        "-segment_time",
        "4",
        "-segment_time_delta",
        "0.05",
    ];
    film(&segments, "160x120", &flags);
    let segment = |n: usize| fs::read(folder.path().join(format!("segment-{n}.ts")));
    let joined: Vec<u8> = (0..SECONDS as usize / 4)
        .flat_map(|n| segment(n).unwrap())
        .collect();
    let film = folder.path().join("joined.ts");
    fs::write(&film, joined).unwrap();
    let (code, video, _) = previews(&film, "4");
    assert_eq!(code, Some(0), "{video}");
}

#[test]
fn joined_recordings_are_one_film_though_packets_come_twice_and_a_hole_in_one_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.ts");
    h264(&whole);
    let bytes = fs::read(&whole).unwrap();
    let joined = [&bytes[..], &bytes].concat();
    let doubled = folder.path().join("doubled.ts");
    fs::write(&doubled, twice(&joined)).unwrap();
    let (code, video, out) = previews(&doubled, "8");
    assert_eq!((code, &video["length"]), (Some(0), &32.0.into()), "{video}");
    let (_, _, right) = previews(&whole, "8");
    for second in 0..2 * SECONDS {
        let difference = difference(&still(&out, second), &still(&right, second % SECONDS));
        assert!(
            difference < 1.0,
            "second {second} differs by {difference:.1}"
        );
    }
    let starts = packets(&whole);
    let holed = [&bytes[..], &bytes[..starts[40].0], &bytes[starts[60].0..]].concat();
    let faulty = folder.path().join("holed.ts");
    fs::write(&faulty, holed).unwrap();
    let (code, video, _) = previews(&faulty, "8");
    assert_eq!(code, Some(3), "{video}");
    assert_eq!(video["done"], 3);
    assert_eq!(video["failed"][0]["start"], 16);
}

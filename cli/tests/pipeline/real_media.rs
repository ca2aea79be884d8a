//! RealMedia, whose packets are a chain.

use std::{fs, ops::Range};

use crate::{judged::previews, support::ffmpeg};

/// FFmpeg stops where a packet makes no sense, and says nothing.
#[test]
fn real_media_that_ffmpeg_does_not_read_to_its_end_is_no_shorter_film() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.rm");
    let source = "testsrc2=size=176x144:rate=10:duration=12";
    let encoder = ["-c:v", "rv10", "-q:v", "5", "-g", "20"];
    let target = [whole.to_str().unwrap()];
    ffmpeg([&["-f", "lavfi", "-i", source], &encoder[..], &target].concat());
    let (code, video, _) = previews(&whole, "30");
    assert_eq!((code, &video["length"]), (Some(0), &12.0.into()), "{video}");
    for seed in 0..4 {
        let mut bytes = fs::read(&whole).unwrap();
        let mut random = fastrand::Rng::with_seed(seed);
        for packet in real_media_packets(&bytes).drain(60..68) {
            bytes[packet].fill_with(|| random.u8(..));
        }
        let noisy = folder.path().join(format!("noisy-{seed}.rm"));
        fs::write(&noisy, bytes).unwrap();
        let (code, video, _) = previews(&noisy, "30");
        assert!(
            code != Some(0) || video["length"] == 12.0,
            "{seed}: {video}"
        );
    }
}

/// What is in the packets of a RealMedia file, behind their headers.
fn real_media_packets(file: &[u8]) -> Vec<Range<usize>> {
    let chunk = file.windows(4).position(|four| four == b"DATA").unwrap();
    let size = |at: usize| usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
    let mut at = chunk + 18;
    let mut packets = Vec::new();
    while file.get(at) == Some(&0) && size(at) > 12 {
        packets.push(at + 12..at + size(at));
        at += size(at);
    }
    packets
}

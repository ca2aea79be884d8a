//! Small files that claim more or larger pictures than anybody can decode.

use std::{fs, path::Path};

use crate::bounded::{ffmpeg, run};

/// A GIF of `pictures`, each one pixel on a screen of `side` × `side`, shown for `delay` hundredths of a
/// second.
fn gif(side: u16, pictures: usize, delay: u16) -> Vec<u8> {
    let [low, high] = side.to_le_bytes();
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend([low, high, low, high, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    let [low, high] = delay.to_le_bytes();
    for picture in 0..pictures {
        bytes.extend([0x21, 0xf9, 4, 0, low, high, 0, 0]);
        // They differ, so that FFmpeg cannot drop any.
        let [low, high] = (picture as u16 % side).to_le_bytes();
        bytes.extend([0x2c, low, high, 0, 0, 1, 0, 1, 0, 0]);
        bytes.extend([2, 2, 0x44, 1, 0]);
    }
    bytes.push(0x3b);
    bytes
}

/// A Matroska element with the id `id`.
fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_vec();
    bytes.extend((content.len() as u64 | 1 << 56).to_be_bytes());
    bytes.extend(content);
    bytes
}

/// A Matroska file that repeats one real picture at `times`, in milliseconds.
fn matroska(folder: &Path, duration_ms: f64, times: &[u64]) -> Vec<u8> {
    let picture = folder.join("picture.jpg");
    ffmpeg(
        "-f lavfi -i color=red:size=16x16 -frames:v 1 -q:v 31",
        &picture,
    );
    let picture = fs::read(picture).unwrap();
    let video = [element(&[0xb0], &[16]), element(&[0xba], &[16])].concat();
    let track = [
        element(&[0xd7], &[1]),
        element(&[0x73, 0xc5], &[1]),
        element(&[0x83], &[1]),
        element(&[0x86], b"V_MJPEG"),
        element(&[0xe0], &video),
    ]
    .concat();
    let info = [
        element(&[0x2a, 0xd7, 0xb1], &1_000_000_u32.to_be_bytes()),
        element(&[0x44, 0x89], &duration_ms.to_be_bytes()),
    ]
    .concat();
    let clusters = times.iter().flat_map(|time| {
        let block = [&[0x81, 0, 0, 0x80], picture.as_slice()].concat();
        let cluster = [
            element(&[0xe7], &time.to_be_bytes()),
            element(&[0xa3], &block),
        ];
        element(&[0x1f, 0x43, 0xb6, 0x75], &cluster.concat())
    });
    let segment = [
        element(&[0x15, 0x49, 0xa9, 0x66], &info),
        element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], &track)),
        clusters.collect(),
    ]
    .concat();
    let header = element(
        &[0x1a, 0x45, 0xdf, 0xa3],
        &element(&[0x42, 0x82], b"matroska"),
    );
    [header, element(&[0x18, 0x53, 0x80, 0x67], &segment)].concat()
}

#[test]
fn a_picture_of_thirty_thousand_pixels_a_side_is_rejected_as_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("wall.gif.mp4");
    fs::write(&video, gif(30_000, 20, 10)).unwrap();
    let outcome = run(&[video], folder.path());
    outcome.assert_ends(&["tooLarge: "]);

    for name in ["wall.mov", "wall.mkv"] {
        let small = folder.path().join(name);
        // Above the limit, first through FFmpeg and then with far larger numbers written by hand.
        let source = "-f lavfi -i color=size=9000x4400:rate=2:duration=1";
        ffmpeg(&format!("{source} -c:v mjpeg -q:v 31"), &small);
        let mut bytes = fs::read(&small).unwrap();
        let frames: Vec<usize> = bytes
            .windows(9)
            .enumerate()
            .filter(|(_, nine)| {
                nine[..4] == [0xff, 0xc0, 0, 17] && nine[5..] == [0x11, 0x30, 0x23, 0x28]
            })
            .map(|(at, _)| at)
            .collect();
        for at in frames {
            bytes[at + 5..at + 9].copy_from_slice(&[0x75, 0x30, 0x75, 0x30]);
        }
        fs::write(&small, bytes).unwrap();
        let outcome = run(&[small], folder.path());
        outcome.assert_ends(&["tooLarge: "]);
    }
}

#[test]
fn a_small_gif_of_many_large_pictures_ends_in_time() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("many.gif", gif(64, 3_000, 1)),
        ("large.gif", gif(2500, 300, 5)),
        ("standing.gif", gif(16, 2, 5_000)),
    ] {
        let video = folder.path().join(name);
        fs::write(&video, bytes).unwrap();
        run(&[video], folder.path()).assert_ends(&["done"]);
    }
}

#[test]
fn a_small_matroska_file_of_enormous_length_is_rejected_or_measured() {
    let folder = tempfile::tempdir().unwrap();
    let day = 86_400_000;
    for (name, duration, times, end) in [
        ("claims.mkv", 1e18, vec![0, 40, 80], "done"),
        ("spans.mkv", 1e3, vec![0, 40, 365 * day], "tooLong: "),
        (
            "endless.mkv",
            f64::INFINITY,
            vec![0, 40, 1 << 62],
            "tooLong: ",
        ),
        (
            // All at the same time: the last one stays on screen.
            "crowded.mkv",
            1e3,
            vec![0; 20_000],
            "done",
        ),
    ] {
        let video = folder.path().join(name);
        fs::write(&video, matroska(folder.path(), duration, &times)).unwrap();
        run(&[video], folder.path()).assert_ends(&[end]);
    }
}

//! Sheets of AVI and Flash video, whose keyframes are listed without an index of all pictures.

use std::{fs, path::Path};

use crate::{
    codecs::{OPEN_H264, hold, small},
    support::{Bench, Pictures},
    whole::{Planned, Seen, check_bench},
};

const FLV_INDEX: [&str; 2] = ["-flvflags", "add_keyframe_index"];

#[tokio::test]
async fn keyframes_of_an_avi_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("mpeg4.avi", &["-c:v", "mpeg4", "-q:v", "6"][..]),
        ("xvid.avi", &["-c:v", "mpeg4", "-q:v", "6", "-vtag", "XVID"]),
        ("mjpeg.avi", &["-c:v", "mjpeg", "-q:v", "6"]),
        ("zmbv.avi", &["-c:v", "zmbv"]),
        ("huffyuv.avi", &["-c:v", "huffyuv"]),
        ("ffvhuff.avi", &["-c:v", "ffvhuff", "-context", "1"]),
        ("utvideo.avi", &["-c:v", "utvideo"]),
        ("magicyuv.avi", &["-c:v", "magicyuv"]),
        ("ffv1.avi", &["-c:v", "ffv1", "-level", "3", "-g", "48"]),
        ("raw.avi", &["-c:v", "rawvideo", "-pix_fmt", "yuv420p"]),
        (
            "yuyv.avi",
            &["-c:v", "rawvideo", "-pix_fmt", "yuyv422", "-vtag", "YUY2"],
        ),
    ] {
        hold(&small(folder.path(), name, arguments), &[5]).await;
    }
}

#[tokio::test]
async fn keyframes_of_a_flash_video_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    for (name, codec) in [
        ("h264.flv", &["-c:v", "libx264", "-preset", "veryfast"][..]),
        ("open.flv", &OPEN_H264),
        ("flv1.flv", &["-c:v", "flv", "-q:v", "6"]),
    ] {
        let arguments = [codec, &FLV_INDEX].concat();
        hold(&small(folder.path(), name, &arguments), &[1, 5]).await;
    }
}

#[tokio::test]
async fn a_film_whose_times_or_keyframes_are_not_sure_has_no_plan() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("delayed.avi", &["-c:v", "mpeg4", "-bf", "2"][..]),
        ("h264.avi", &["-c:v", "libx264", "-preset", "ultrafast"]),
        ("msvideo1.avi", &["-c:v", "msvideo1"]),
        ("unlisted.flv", &["-c:v", "libx264", "-preset", "ultrafast"]),
    ] {
        let file = small(folder.path(), name, arguments);
        let seen = seen(&file, 5).await;
        assert_eq!((seen.keyed(), seen.unplanned > 0), (0, true), "{name}");
    }
}

/// What the sheets of `file` show. Each keyframe in them is held against the whole.
async fn seen(file: &Path, interval: u32) -> Seen {
    let bench = Bench::new(file, 0).await;
    let whole = bench.whole();
    let seen = check_bench(&bench, &whole, interval, Planned::BySplitter).await;
    seen.unwrap()
}

/// A film that is not damaged yet.
struct Undamaged {
    bench: Bench,
    pictures: Pictures,
    bytes: Vec<u8>,
}

impl Undamaged {
    async fn new(file: &Path) -> Self {
        let bench = Bench::new(file, 0).await;
        Self {
            pictures: bench.whole(),
            bytes: fs::read(file).unwrap(),
            bench,
        }
    }

    /// What the sheets of the film show behind a `change`. FFmpeg counts other pictures in what is damaged, so that they are
    /// held against the film as it was.
    async fn behind(&self, change: impl FnOnce(&mut Vec<u8>)) -> Seen {
        let mut bytes = self.bytes.clone();
        change(&mut bytes);
        let extension = self.bench.file.extension().unwrap();
        let damaged = self.bench.file.with_file_name("damaged");
        let damaged = damaged.with_extension(extension);
        fs::write(&damaged, bytes).unwrap();
        let mut bench = Bench::new(&damaged, 0).await;
        (bench.seconds, bench.video) = (self.bench.seconds, self.bench.video);
        let seen = check_bench(&bench, &self.pictures, 5, Planned::BySplitter).await;
        seen.unwrap()
    }
}

/// Positions of `code` in `bytes`.
fn positions(bytes: &[u8], code: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(code.len()).enumerate();
    let found = windows.filter(|(_, window)| *window == code);
    found.map(|(at, _)| at).collect()
}

#[tokio::test]
async fn an_index_of_an_avi_that_is_wrong_gives_exact_tiles_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = small(folder.path(), "film.avi", &["-c:v", "mpeg4", "-q:v", "6"]);
    let film = Undamaged::new(&file).await;
    let whole = &film.bytes;
    let index = *positions(whole, b"idx1").last().unwrap() + 8;
    let entries = (whole.len() - index) / 16;
    assert_eq!(entries, 720);
    // The tile at second 15.
    let tiles = seen(&file, 5).await.tiles;
    let number = (tiles[3].at * 24.0).round() as usize;
    let keyframe = index + 16 * number;
    assert!(whole[keyframe..].starts_with(b"00dc\x10"));
    // Its offset is that of the picture behind, its size is another one, or its chunk is gone.
    let place = |bytes: &[u8], entry: usize| {
        let offset = bytes[entry + 8..entry + 12].try_into().unwrap();
        let list = positions(bytes, b"movi")[0];
        list + u32::from_le_bytes(offset) as usize
    };
    for what in ["offset", "size", "chunk", "behind"] {
        let seen = film
            .behind(|bytes| match what {
                "offset" => bytes[keyframe + 8] = bytes[keyframe + 8].wrapping_add(2),
                "size" => bytes[keyframe + 12] = bytes[keyframe + 12].wrapping_add(2),
                "chunk" => {
                    let at = place(bytes, keyframe);
                    bytes[at..at + 4].copy_from_slice(b"JUNK");
                }
                _ => {
                    let at = place(bytes, keyframe + 16);
                    bytes[at..at + 8].fill(0);
                }
            })
            .await;
        assert_eq!((seen.unplanned, seen.exact()), (0, 1), "{what} {seen:?}");
        assert!(seen.keyed() > 3);
    }
    // One picture less than the headers say, and pictures that are not in order.
    let short = film.behind(|bytes| {
        bytes[index + 16 * (number + 3)..][..4].copy_from_slice(b"01wb");
    });
    assert_eq!((short.await.keyed()), 0);
    let swapped = film.behind(|bytes| {
        let (one, other) = (index + 16 * (number + 3), index + 16 * (number + 4));
        for byte in 8..12 {
            bytes.swap(one + byte, other + byte);
        }
    });
    assert_eq!(swapped.await.keyed(), 0);
    // Half of the index.
    let half = film.behind(|bytes| {
        let bytes_of_half = ((entries / 2 * 16) as u32).to_le_bytes();
        bytes[index - 4..index].copy_from_slice(&bytes_of_half);
    });
    assert_eq!(half.await.keyed(), 0);
}

#[tokio::test]
async fn metadata_of_a_flash_video_that_are_wrong_give_exact_tiles_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&OPEN_H264[..], &FLV_INDEX].concat();
    let file = small(folder.path(), "film.flv", &arguments);
    let film = Undamaged::new(&file).await;
    let whole = &film.bytes;
    let offsets = positions(whole, b"filepositions")[0] + 13 + 5;
    let count = u32::from_be_bytes(whole[offsets - 4..offsets].try_into().unwrap()) as usize;
    assert!(count > 10);
    let offset = |entry: usize| {
        let at = offsets + 9 * entry + 1;
        f64::from_be_bytes(whole[at..at + 8].try_into().unwrap())
    };
    let set = |bytes: &mut Vec<u8>, entry: usize, offset: f64| {
        let at = offsets + 9 * entry + 1;
        bytes[at..at + 8].copy_from_slice(&offset.to_be_bytes());
    };
    assert_eq!(seen(&file, 5).await.exact(), 0);
    // All but the first and the last one are wrong.
    let wrong = film
        .behind(|bytes| {
            for entry in 1..count - 1 {
                set(bytes, entry, offset(entry) + 3.0);
            }
        })
        .await;
    assert_eq!((wrong.unplanned, wrong.keyed()), (0, 1));
    // The last one is wrong, as in a file that was changed; or they are not in order.
    for entry in [count - 1, 3] {
        let wrong = film.behind(|bytes| set(bytes, entry, offset(2))).await;
        assert_eq!(wrong.keyed(), 0);
    }
    // Each leads to the keyframe behind its own, which may be the tile of another slot.
    let shifted = film
        .behind(|bytes| {
            for entry in 1..count - 2 {
                set(bytes, entry, offset(entry + 1));
            }
            set(bytes, count - 2, offset(count - 2) + 1.0);
        })
        .await;
    assert_eq!(shifted.unplanned, 0);
    assert!(shifted.exact() > 2, "{shifted:?}");
    // A tag is damaged: its time, its size, its kind.
    for (byte, place) in [(4, "time"), (3, "size"), (0, "kind"), (11, "flag")] {
        let entry = (0..count).find(|entry| {
            let tag = offset(*entry) as usize;
            let ms = u32::from_be_bytes([0, whole[tag + 4], whole[tag + 5], whole[tag + 6]]);
            ms > 8_500 && ms <= 10_000
        });
        let tags: Vec<usize> = (entry.unwrap()..count - 1)
            .map(|entry| offset(entry) as usize)
            .collect();
        let damaged = film.behind(|bytes| {
            for tag in &tags {
                bytes[tag + byte] ^= 0x20;
            }
        });
        let seen = damaged.await;
        assert!(seen.exact() >= 3, "{place} {seen:?}");
    }
}

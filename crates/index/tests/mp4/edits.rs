//! Edit lists that FFmpeg does not follow.

use std::{fs, ops::Range, path::Path};

use gifgen_index::parsers::Mp4Index;
use gifgen_shared::{Slice, slice::plan};

use crate::support::{Shown, bytes_of, make, shown};

/// An entry: its duration and the time in the media, in seconds, and the speed. No time is an empty edit.
type Entry = (f64, Option<f64>, f64);

/// A film of ten seconds at ten pictures a second, with a keyframe each three seconds and B-frames.
fn film(folder: &Path) -> Vec<u8> {
    let source = "testsrc2=size=64x36:rate=10:duration=10";
    let x264 = [
        "-f", "lavfi", "-i", source, "-c:v", "libx264", "-g", "30", "-bf", "2",
    ];
    let args = [
        &x264[..],
        &["-use_editlist", "0", "-video_track_timescale", "10240"],
    ]
    .concat();
    fs::read(make(folder, "film.mp4", &args)).unwrap()
}

/// Where the box of that kind is within `range`, and where its content starts.
fn find(file: &[u8], range: Range<usize>, kind: &[u8; 4]) -> Range<usize> {
    let mut at = range.start;
    while at < range.end {
        let size = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        if &file[at + 4..at + 8] == kind {
            return at..at + size;
        }
        at += size;
    }
    panic!("no {}", String::from_utf8_lossy(kind));
}

/// The same film with the edit list `entries`. Its `moov` is at the end, so no offset changes.
fn with_list(file: &[u8], entries: &[Entry], delay: i32) -> Vec<u8> {
    let moov = find(file, 0..file.len(), b"moov");
    let trak = find(file, moov.start + 8..moov.end, b"trak");
    let mdia = find(file, trak.start + 8..trak.end, b"mdia");
    let mut list = vec![0; 4];
    list.extend((entries.len() as u32).to_be_bytes());
    for (duration, time, rate) in entries {
        let time = time.map_or(-1, |time| (time * 10_240.0) as i32 + delay);
        list.extend(((duration * 1000.0) as u32).to_be_bytes());
        list.extend(time.to_be_bytes());
        list.extend(((rate * 65_536.0) as u32).to_be_bytes());
    }
    let boxed = |kind: &[u8; 4], content: &[u8]| {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    };
    let edts = boxed(b"edts", &boxed(b"elst", &list));
    let mut edited = file.to_vec();
    for outer in [&moov, &trak] {
        let size = (outer.len() + edts.len()) as u32;
        edited[outer.start..outer.start + 4].copy_from_slice(&size.to_be_bytes());
    }
    edited.splice(mdia.start..mdia.start, edts);
    edited
}

/// The number of the picture of `whole` that is shown at `second` by the list.
fn expected(entries: &[Entry], second: f64) -> usize {
    let (mut start, mut shown) = (0.0, 0.0);
    for (duration, time, rate) in entries {
        if second + 1e-6 < start {
            break;
        }
        let end = if *duration == 0.0 {
            1e9
        } else {
            start + duration
        };
        if let Some(time) = time {
            shown = time + (second - start).min(end - start - 1e-3) * rate;
        }
        start = end;
    }
    ((shown + 1e-6) * 10.0) as usize
}

/// The picture of `cut` on screen at `second`.
fn on_screen(cut: &Shown, second: f64) -> &str {
    let shown = cut
        .pictures
        .iter()
        .filter(|(time, _)| *time as f64 * cut.seconds_per_tick <= second + 0.001);
    &shown.max_by_key(|(time, _)| *time).unwrap().1
}

#[tokio::test]
async fn a_film_shows_what_its_edit_list_says() {
    let folder = tempfile::tempdir().unwrap();
    let plain = film(folder.path());
    let whole = shown(
        folder.path().join("film.mp4").to_str().unwrap(),
        0,
        None,
        None,
    );
    let video = whole.stream(0);
    let delay = (video.start_time * 10_240.0).round() as i32;
    let lists: [(&[Entry], f64); 7] = [
        (&[(2.0, Some(0.0), 1.0), (3.0, Some(5.5), 1.0)], 5.0),
        (
            &[
                (2.0, Some(0.0), 1.0),
                (3.0, None, 1.0),
                (2.0, Some(2.0), 1.0),
            ],
            7.0,
        ),
        (&[(2.0, Some(1.0), 1.0), (3.0, None, 1.0)], 5.0),
        (&[(0.0, Some(0.0), 1.0)], 10.0),
        (&[(5.0, Some(0.0), 2.0)], 5.0),
        (&[(3.0, Some(4.2), 0.0), (2.0, Some(4.2), 1.0)], 5.0),
        (&[(2.0, Some(7.0), 1.0), (2.0, Some(1.3), 1.0)], 4.0),
    ];
    for (list, length) in lists {
        let edited = with_list(&plain, list, delay);
        let index = Mp4Index::of(&edited, &video).unwrap();
        assert_eq!(index.length(), Some(length), "{list:?}");
        for seconds in [2, 30] {
            let slices: Vec<Slice> = plan(length, seconds);
            for (slice, excerpt) in slices.iter().zip(index.excerpts(&slices)) {
                let bytes = bytes_of(&excerpt.unwrap(), &edited);
                let cut = shown("pipe:0", 0, Some("mov"), Some(bytes));
                let count = (slice.seconds() * 10.0).round() as u32;
                for step in 0..count {
                    let second = f64::from(slice.start) + f64::from(step) / 10.0;
                    let right = &whole.pictures[expected(list, second)].1;
                    assert_eq!(
                        on_screen(&cut, second),
                        right,
                        "{list:?} {slice:?} {second}"
                    );
                }
            }
        }
    }
}

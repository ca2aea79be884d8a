//! Transport streams whose clock starts again, and those that only seem to have another.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use gifgen_index::{ContainerIndex, FeedError, Packets, feed, pipe};
use gifgen_reader::BlockCache;
use gifgen_shared::slice::plan;

use crate::support::{Bench, Pictures};

/// Makes ten seconds of a film, with a keyframe each two seconds.
fn recording(folder: &Path, name: &str, args: &[&str]) -> PathBuf {
    let target = folder.join(name);
    let source = "testsrc2=size=64x36:rate=25:duration=10";
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", source])
        .args(["-c:v", "libx264", "-g", "50", "-bf", "2"])
        .args(args)
        .arg(&target)
        .status();
    assert!(made.unwrap().success(), "{name}");
    target
}

/// Appends recordings to each other.
fn joined(folder: &Path, name: &str, parts: &[&Path]) -> PathBuf {
    let target = folder.join(name);
    let bytes: Vec<u8> = parts
        .iter()
        .flat_map(|part| fs::read(part).unwrap())
        .collect();
    fs::write(&target, bytes).unwrap();
    target
}

/// The length by the index, and the index.
async fn surveyed(bench: &Bench) -> (ContainerIndex, Option<f64>) {
    let blocks = BlockCache::new(bench.reader());
    let index = ContainerIndex::read(Arc::clone(&blocks), &bench.container, bench.video);
    let mut index = index.await.unwrap();
    let length = index.length(None).await.unwrap();
    (index, length)
}

/// Asserts that `file` shows the ten seconds of `recording` so many `times`, in each slice.
async fn shows(file: &Path, recording: &Path, times: u32) {
    let bench = Bench::new(file, 0).await;
    let one: Pictures = Bench::new(recording, 0).await.whole();
    let (first, start) = (*one.keys().next().unwrap(), bench.video.start_time);
    let (index, length) = surveyed(&bench).await;
    let seconds = f64::from(times * 10);
    let name = file.display();
    assert!(
        (length.unwrap() - seconds).abs() < 1e-3,
        "{name}: {length:?}"
    );
    assert!(index.timeline().is_some(), "{name}");
    let slices = plan(seconds, 7);
    let excerpts = index.excerpts(&slices).await.unwrap();
    for (slice, excerpt) in slices.iter().zip(excerpts) {
        let excerpt = excerpt.unwrap();
        let bytes = bench.feed(&excerpt).await;
        let cut = bench.cut(&excerpt, bytes, "rawvideo");
        let zero = (start * 1e6).round() as i64;
        let range = zero + i64::from(slice.start) * 1_000_000..zero + (slice.end * 1e6) as i64;
        let found: Vec<_> = cut.range(range.clone()).collect();
        let count = ((slice.end - f64::from(slice.start)) * 25.0).round() as usize;
        assert_eq!(found.len(), count, "{name} {slice:?}");
        for (time, picture) in found {
            let within = (time - zero + 5).rem_euclid(10_000_000) - 5;
            let nearest = one.range(first + within - 20_000..).next().unwrap();
            assert_eq!(picture, nearest.1, "{name} {slice:?} {time}");
        }
    }
}

#[tokio::test]
async fn recordings_that_were_joined_are_one_film() {
    let folder = tempfile::tempdir().unwrap();
    let one = recording(folder.path(), "one.ts", &[]);
    let three = joined(folder.path(), "three.ts", &[&one, &one, &one]);
    shows(&three, &one, 3).await;
}

#[tokio::test]
async fn a_clock_that_leaps_and_another_pid_are_no_other_film() {
    let folder = tempfile::tempdir().unwrap();
    let one = recording(folder.path(), "one.ts", &[]);
    let late = recording(folder.path(), "late.ts", &["-output_ts_offset", "72000"]);
    let leap = joined(folder.path(), "leap.ts", &[&one, &late]);
    shows(&leap, &one, 2).await;
    let other = ["-output_ts_offset", "10", "-streamid", "0:300"];
    let other = recording(folder.path(), "other.ts", &other);
    let moved = joined(folder.path(), "moved.ts", &[&one, &other]);
    shows(&moved, &one, 2).await;
}

#[tokio::test]
async fn a_picture_that_stands_for_five_minutes_is_no_new_clock() {
    let folder = tempfile::tempdir().unwrap();
    let pause = "settb=1/90000,setpts=N*3600+gte(N\\,100)*27000000";
    let args = [
        "-vf",
        pause,
        "-fps_mode",
        "passthrough",
        "-enc_time_base",
        "1/90000",
        "-bf",
        "0",
    ];
    let film = recording(folder.path(), "pause.ts", &args);
    let (index, length) = surveyed(&Bench::new(&film, 0).await).await;
    assert!((length.unwrap() - 310.0).abs() < 0.1, "{length:?}");
    assert_eq!(index.timeline(), None);
}

#[tokio::test]
async fn another_clock_that_was_overlooked_is_noticed_when_it_is_fed() {
    let folder = tempfile::tempdir().unwrap();
    let one = recording(folder.path(), "one.ts", &[]);
    let two = joined(folder.path(), "two.ts", &[&one, &one]);
    let bench = Bench::new(&two, 0).await;
    let (index, _) = surveyed(&bench).await;
    let slices = plan(20.0, 30);
    let mut excerpts = index.excerpts(&slices).await.unwrap();
    let mut excerpt = excerpts.next().flatten().unwrap();
    let packets = excerpt.packets.take().unwrap();
    let joint = packets.pieces[1].from;
    excerpt.packets = Some(Packets {
        pieces: Vec::new(),
        ..packets
    });
    let (sender, stdin) = pipe().unwrap();
    let reading = tokio::task::spawn_blocking(|| {
        std::io::copy(&mut fs::File::from(stdin), &mut std::io::sink())
    });
    let fed = feed(&excerpt, &bench.reader(), sender).await;
    reading.await.unwrap().unwrap();
    assert!(
        matches!(fed, Err(FeedError::NewClock { offset }) if offset == joint),
        "{fed:?}"
    );
}

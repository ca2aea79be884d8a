//! Sheets of films without an index.

use std::{fs, path::Path, process::Command};

use crate::{
    support::{Bench, Pictures, film},
    whole::{Planned, Seen, assert_tiles, check_bench},
};

/// Checks all sheets of `file`, which all have plans, and lists what may be missing.
async fn hold(bench: &Bench, whole: &Pictures, interval: u32, slack: usize) -> Seen {
    for planned in [Planned::ByWorkers, Planned::BySplitter] {
        let seen = check_bench(bench, whole, interval, planned).await.unwrap();
        assert_eq!(seen.unplanned, 0);
        assert_tiles(bench, &seen, interval, slack);
        println!(
            "{} each {interval} s, {planned:?}: {} keyframes, {} exact, {} requests, {:.1} % of {} bytes",
            bench.file.display(),
            seen.keyed(),
            seen.exact(),
            seen.requests,
            100.0 * seen.bytes as f64 / seen.film_bytes as f64,
            seen.film_bytes
        );
        if planned == Planned::BySplitter {
            return seen;
        }
    }
    unreachable!()
}

#[tokio::test]
async fn keyframes_of_a_transport_stream_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(&film(folder.path(), "film.ts", 50, &[]), 0).await;
    let whole = bench.whole();
    assert_eq!(hold(&bench, &whole, 10, 0).await.exact(), 0);
    assert_eq!(hold(&bench, &whole, 1, 0).await.exact(), 0);
}

#[tokio::test]
async fn keyframes_of_a_matroska_file_without_cues_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    for (name, clusters) in [("live.mkv", &["-live", "1"][..]), ("cut.mkv", &[])] {
        let file = film(folder.path(), name, 50, clusters);
        if clusters.is_empty() {
            cut_cues_off(&file);
        }
        let bench = Bench::new(&file, 0).await;
        let whole = bench.whole();
        assert_eq!(hold(&bench, &whole, 10, 0).await.exact(), 0);
        assert_eq!(hold(&bench, &whole, 1, 0).await.exact(), 0);
    }
}

/// A film of two minutes with the pictures `keyframes` as keyframes, as FFmpeg's expression says.
pub fn film_with_keyframes(target: &Path, keyframes: &str, arguments: &[&str]) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i"])
        .arg("testsrc2=s=320x180:r=25:d=120,noise=alls=20:allf=t")
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "100000"])
        .args(["-sc_threshold", "0", "-force_key_frames", keyframes])
        .args(arguments)
        .arg(target)
        .status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn keyframes_as_far_apart_as_slots_are_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    for (name, live) in [("film.ts", &[][..]), ("live.mkv", &["-live", "1"])] {
        let file = folder.path().join(name);
        film_with_keyframes(&file, "expr:gte(t,n_forced*10)", live);
        let bench = Bench::new(&file, 0).await;
        let whole = bench.whole();
        let seen = hold(&bench, &whole, 10, 0).await;
        assert_eq!((seen.keyed(), seen.exact()), (12, 0));
        // Each second slot has none.
        let seen = hold(&bench, &whole, 5, 0).await;
        assert_eq!((seen.keyed(), seen.exact()), (12, 0));
    }
}

#[tokio::test]
async fn slots_between_keyframes_that_are_far_apart_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    for (name, live) in [("film.ts", &[][..]), ("live.mkv", &["-live", "1"])] {
        let file = folder.path().join(name);
        film_with_keyframes(&file, "1,3,51,53,78", live);
        let bench = Bench::new(&file, 0).await;
        let seen = hold(&bench, &bench.whole(), 10, 0).await;
        let tiles = seen.tiles.iter();
        let tiles: Vec<(u32, bool)> = tiles.map(|tile| (tile.slot, tile.pts.is_some())).collect();
        let exact = [10, 20, 30, 40, 80, 90, 100, 110].map(|slot| (slot, false));
        let mut wanted = [&exact[..], &[(0, true), (50, true), (70, true)]].concat();
        wanted.sort_unstable();
        assert_eq!(tiles, wanted);
    }
}

#[tokio::test]
async fn keyframes_that_have_lost_packets_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("film.ts");
    film_with_keyframes(&file, "expr:gte(t,n_forced*3)", &[]);
    let bytes = fs::read(&file).unwrap();
    let packets = bytes.chunks(188).enumerate();
    let kept = packets.filter(|(place, _)| place % 300 != 299);
    let kept: Vec<u8> = kept.flat_map(|(_, packet)| packet.to_vec()).collect();
    fs::write(&file, kept).unwrap();
    let bench = Bench::new(&file, 0).await;
    let seen = hold(&bench, &bench.whole(), 5, 24).await;
    assert!(seen.keyed() > 0 && seen.exact() > 0, "{seen:?}");
}

/// Ends the file before its cues.
fn cut_cues_off(file: &Path) {
    let bytes = fs::read(file).unwrap();
    let mut places = bytes.windows(4);
    let cues = places.rposition(|id| id == [0x1c, 0x53, 0xbb, 0x6b]);
    fs::write(file, &bytes[..cues.unwrap()]).unwrap();
}

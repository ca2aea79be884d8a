//! Sheets of films without an index.

use std::{fs, path::Path};

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

/// Ends the file before its cues.
fn cut_cues_off(file: &Path) {
    let bytes = fs::read(file).unwrap();
    let mut places = bytes.windows(4);
    let cues = places.rposition(|id| id == [0x1c, 0x53, 0xbb, 0x6b]);
    fs::write(file, &bytes[..cues.unwrap()]).unwrap();
}

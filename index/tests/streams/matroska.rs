//! Excerpts of Matroska files.

use std::{fs, path::Path};

use gifgen_testkit::media;

use crate::support::{Bench, film};

async fn hold(file: &Path, lengths: &[u32]) -> usize {
    let bench = Bench::new(file, 0).await;
    let whole = bench.whole();
    let mut missing = 0;
    for seconds in lengths {
        missing += bench.holds_against_the_whole(&whole, *seconds).await;
    }
    missing
}

#[tokio::test]
async fn slices_of_small_matroska_files_show_what_the_whole_shows() {
    for medium in media::manifest() {
        if medium.container == "matroska,webm" {
            let missing = hold(&media::video(&medium.file), &[2]).await;
            assert_eq!(missing, 0, "{}", medium.file);
        }
    }
}

#[tokio::test]
async fn slices_of_a_film_with_cues_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = film(folder.path(), "film.mkv", 40, &[]);
    assert_eq!(hold(&file, &[7]).await, 0);
}

#[tokio::test]
async fn slices_of_a_film_of_small_clusters_without_cues_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let small = ["-cluster_size_limit", "40000", "-cluster_time_limit", "300"];
    let file = film(folder.path(), "film.mkv", 40, &small);
    cut_cues_off(&file);
    assert_eq!(hold(&file, &[7]).await, 0);
}

#[tokio::test]
async fn slices_of_a_film_of_large_clusters_without_cues_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = film(folder.path(), "film.mkv", 40, &[]);
    cut_cues_off(&file);
    assert_eq!(hold(&file, &[7]).await, 0);
}

#[tokio::test]
async fn slices_of_a_film_with_clusters_of_unknown_size_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = film(folder.path(), "film.mkv", 40, &["-live", "1"]);
    assert_eq!(hold(&file, &[7]).await, 0);
}

/// Ends the file before its cues.
fn cut_cues_off(file: &Path) {
    let bytes = fs::read(file).unwrap();
    let cues = bytes
        .windows(4)
        .rposition(|id| id == [0x1c, 0x53, 0xbb, 0x6b]);
    fs::write(file, &bytes[..cues.unwrap()]).unwrap();
}

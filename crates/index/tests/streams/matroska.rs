//! Excerpts of Matroska files.

use std::{fs, path::Path};

use gifgen_index::parsers::matroska::{self, Header, cues, elements, ids, unsigned};
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

/// FFmpeg would start with the first keyframe behind such a place, and pictures would be missing.
#[tokio::test]
async fn cues_that_name_no_keyframes_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let clusters = ["-map", "-1:a", "-cluster_time_limit", "1000"];
    let file = film(folder.path(), "film.mkv", 60, &clusters);
    assert!(make_cues_lie(&file) > 3);
    assert_eq!(hold(&file, &[7]).await, 0);
}

/// Makes cues name the cluster behind the one with their keyframe, and its time. Says how many do.
fn make_cues_lie(file: &Path) -> usize {
    let bytes = fs::read(file).unwrap();
    let place = |id: u32| {
        let mut windows = bytes.windows(4);
        windows
            .rposition(|window| window == id.to_be_bytes())
            .unwrap()
    };
    let content = |id| {
        let header = Header::read(&bytes[place(id)..]).unwrap();
        &bytes[place(id) + header.header as usize..]
    };
    let clusters: Vec<(u64, u64)> = elements(content(ids::SEGMENT))
        .filter(|(_, header, _)| header.id == ids::CLUSTER)
        .map(|(at, _, cluster)| (at as u64, unsigned(cluster, ids::TIMESTAMP).unwrap()))
        .collect();
    let honest = cues(content(ids::CUES), 1);
    let has_keyframe = |at| honest.iter().any(|cue| cue.cluster_offset == at);
    let lies: Vec<Vec<u8>> = honest
        .iter()
        .filter_map(|cue| {
            let mut clusters = clusters.iter();
            let (at, time) = clusters.find(|(at, _)| *at > cue.cluster_offset)?;
            let positions = [number(ids::CUE_TRACK, 1), number(ids::CUE_CLUSTER, *at)];
            let positions = element(ids::CUE_POSITIONS, &positions.concat());
            let cue = [number(ids::CUE_TIME, *time), positions].concat();
            (!has_keyframe(*at)).then(|| element(ids::CUE_POINT, &cue))
        })
        .collect();
    let cues = element(ids::CUES, &lies.concat());
    fs::write(file, [&bytes[..place(ids::CUES)], &cues].concat()).unwrap();
    lies.len()
}

#[test]
fn blocks_behind_a_damaged_header_of_a_cluster_have_no_time() {
    let block = |time: u8| element(ids::SIMPLE_BLOCK, &[0x81, 0, time, 0x80, 1, 2, 3]);
    let blocks = [block(0), block(40), block(80)].concat();
    let content = [number(ids::TIMESTAMP, 5000), blocks.clone()].concat();
    let cluster = element(ids::CLUSTER, &content);
    let damaged = [vec![0; 12], blocks].concat();
    let times = |bytes: &[u8], open| {
        let found = matroska::scan(bytes, open, 1).into_iter();
        found.map(|block| block.pts).collect::<Vec<_>>()
    };
    let right = [5000, 5040, 5080];
    assert_eq!(times(&[&cluster[..], &damaged].concat(), None), right);
    assert_eq!(
        times(&[cluster.clone(), cluster.clone()].concat(), None).len(),
        6
    );
    let open = matroska::OpenCluster {
        timestamp: 5000,
        end: Some(content.len()),
    };
    assert_eq!(times(&[&content[..], &damaged].concat(), Some(open)), right);
}

fn number(id: u32, number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    element(id, &bytes[number.leading_zeros() as usize / 8..])
}

fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let id = &id.to_be_bytes()[id.leading_zeros() as usize / 8..];
    let size = match content.len() {
        short @ ..0x7f => vec![short as u8 | 0x80],
        long => (long as u16 | 0x4000).to_be_bytes().to_vec(),
    };
    [id, &size, content].concat()
}

/// Ends the file before its cues.
fn cut_cues_off(file: &Path) {
    let bytes = fs::read(file).unwrap();
    let cues = bytes
        .windows(4)
        .rposition(|id| id == [0x1c, 0x53, 0xbb, 0x6b]);
    fs::write(file, &bytes[..cues.unwrap()]).unwrap();
}

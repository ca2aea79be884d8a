//! Sheets of Matroska files with cues.

use std::{fs, path::Path};

use crate::{listed::hold, searched::film_with_keyframes, support::film};

#[tokio::test]
async fn keyframes_of_a_matroska_file_with_cues_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = film(folder.path(), "film.mkv", 50, &[]);
    let seen = hold(&file, 10).await;
    assert_eq!((seen.keyed(), seen.exact()), (6, 0));
    assert!(hold(&file, 1).await.keyed() > 12);
}

/// Makes each element `CuePoint` of `file` a void one, but each tenth.
fn void_cues(file: &Path) -> usize {
    let mut bytes = fs::read(file).unwrap();
    let cues = bytes
        .windows(4)
        .rposition(|id| id == [0x1c, 0x53, 0xbb, 0x6b]);
    let mut places = Vec::new();
    let mut at = cues.unwrap();
    // The header of the cues has 4 bytes and up to 8 of the size; a point is `bb`, its size in one byte, and a time `b3`.
    while at + 3 < bytes.len() {
        if bytes[at] == 0xbb && bytes[at + 1] & 0x80 != 0 && bytes[at + 2] == 0xb3 {
            places.push(at);
            at += 2 + usize::from(bytes[at + 1] & 0x7f);
        } else {
            at += 1;
        }
    }
    let voided = places
        .iter()
        .enumerate()
        .filter(|(place, _)| place % 10 != 0);
    for (_, place) in voided {
        bytes[*place] = 0xec;
    }
    fs::write(file, bytes).unwrap();
    places.len()
}

#[tokio::test]
async fn keyframes_that_no_cue_names_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("film.mkv");
    film_with_keyframes(&file, "expr:gte(t,n_forced)", &[]);
    assert_eq!(void_cues(&file), 120);
    let seen = hold(&file, 1).await;
    assert!(seen.is_searched);
    assert_eq!((seen.keyed(), seen.exact()), (120, 0));
    // The cues that are left are as many as the slots.
    let seen = hold(&file, 10).await;
    assert!(!seen.is_searched);
    assert_eq!((seen.keyed(), seen.exact()), (12, 0));
}

#[tokio::test]
async fn cues_of_few_keyframes_serve_if_there_are_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("film.mkv");
    film_with_keyframes(&file, "expr:gte(t,n_forced*10)", &[]);
    let seen = hold(&file, 1).await;
    assert!(!seen.is_searched);
    assert_eq!((seen.keyed(), seen.exact()), (12, 0));
}

//! Sheets of Matroska files with cues.

use crate::{listed::hold, support::film};

#[tokio::test]
async fn keyframes_of_a_matroska_file_with_cues_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = film(folder.path(), "film.mkv", 50, &[]);
    let seen = hold(&file, 10).await;
    assert_eq!((seen.keyed(), seen.exact()), (6, 0));
    assert!(hold(&file, 1).await.keyed() > 12);
}

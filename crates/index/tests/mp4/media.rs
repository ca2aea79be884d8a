//! All files of the folder of test videos.

use gifgen_index::IndexError;
use gifgen_testkit::media::{self, Expect};

use crate::support::check;

#[tokio::test(flavor = "multi_thread")]
async fn excerpts_of_all_test_videos_show_what_the_whole_shows() {
    let mut without = Vec::new();
    for medium in media::manifest() {
        let is_mov = medium.container.split(',').any(|name| name == "mov");
        let (Expect::Gif, Some(index), true) = (medium.expect, medium.video_stream_index, is_mov)
        else {
            continue;
        };
        let checked = check(&media::folder().join(&medium.file), index).await;
        eprintln!("{} {checked:?}", medium.file);
        match checked {
            Ok((made, 0)) => assert!(made > 0),
            Ok(_) => without.push(medium.file),
            Err(IndexError::None(why)) => without.push(format!("{} {why}", medium.file)),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(without, [""; 0]);
}

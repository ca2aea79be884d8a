//! Sheets of films whose index lists the keyframes.

use std::path::Path;

use crate::{
    support::{Bench, film},
    whole::{Planned, Seen, assert_tiles, check_bench},
};

/// Checks all sheets of `file`, which all have plans.
pub async fn hold(file: &Path, interval: u32) -> Seen {
    let bench = Bench::new(file, 0).await;
    let whole = bench.whole();
    let mut all = Vec::new();
    for planned in [Planned::BySplitter, Planned::ByWorkers] {
        let seen = check_bench(&bench, &whole, interval, planned)
            .await
            .unwrap();
        assert_eq!(seen.unplanned, 0);
        assert_tiles(&bench, &seen, interval, 0);
        all.push(seen.tiles.clone());
        if planned == Planned::ByWorkers {
            assert_eq!(all[0], all[1]);
            return seen;
        }
    }
    unreachable!()
}

#[tokio::test]
async fn keyframes_of_an_mp4_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = film(folder.path(), "film.mp4", 50, &[]);
    let seen = hold(&file, 10).await;
    assert_eq!((seen.keyed(), seen.exact()), (6, 0));
    assert!(seen.requests as f64 <= 1.2 * 6.0, "{seen:?}");
    assert!(hold(&file, 1).await.keyed() > 12);
}

#[tokio::test]
async fn keyframes_of_a_fragmented_mp4_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let fragments = ["-movflags", "+empty_moov+default_base_moof+frag_keyframe"];
    let file = film(folder.path(), "film.mp4", 40, &fragments);
    let seen = hold(&file, 7).await;
    assert_eq!((seen.keyed(), seen.exact()), (6, 0));
}

//! Excerpts of transport streams.

use gifgen_testkit::media;

use crate::support::{Bench, film};

#[tokio::test]
async fn slices_of_small_transport_streams_show_what_the_whole_shows() {
    for name in ["d15", "d42"] {
        let bench = Bench::new(&media::video(name), 0).await;
        let whole = bench.whole();
        assert_eq!(bench.holds_against_the_whole(&whole, 1).await, 0, "{name}");
    }
}

#[tokio::test]
async fn slices_of_a_film_as_transport_stream_show_what_the_whole_shows() {
    let folder = tempfile::tempdir().unwrap();
    let file = film(folder.path(), "film.ts", 40, &[]);
    let bench = Bench::new(&file, 0).await;
    let whole = bench.whole();
    for seconds in [7] {
        assert_eq!(bench.holds_against_the_whole(&whole, seconds).await, 0);
    }
}

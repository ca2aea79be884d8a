//! The real splitter with an ffprobe that a hostile video has taken over.

use gifgen_testkit::{
    captured::{CLOSED, Captured, Place, report},
    events::object_created,
    test_env::{FILMS, TestEnv},
};

const SPLITTER: &str = env!("CARGO_BIN_EXE_splitter");

#[tokio::test]
async fn it_finds_no_credentials_in_the_open_and_none_under_lambdas_rules() {
    for place in [Place::Open, Place::Lambda] {
        let env = TestEnv::start().await;
        let etag = env.adopt_video("film.mp4", "d05").await.etag;
        let mut captured = Captured::start(&env, place, SPLITTER, "FFPROBE").await;
        let event = object_created(FILMS, "film.mp4", &etag);
        let answer = captured.rie.invoke(&event).await;
        let said = answer["errorMessage"].as_str().unwrap_or_default();
        assert!(
            said.contains("captured: "),
            "{answer}; {}",
            captured.rie.log()
        );
        let report = report(said);
        for attempt in CLOSED {
            assert_ne!(report[attempt], 0, "{place:?}: {attempt} in {report:?}");
        }
        assert_eq!(report["secret"], 0, "{place:?}: {report:?}");
    }
}

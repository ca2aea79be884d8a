//! A splitter with little memory. A video that does not fit is rejected with a reason, and its event is
//! not retried.

use gifgen_testkit::{
    events::object_created,
    media,
    rie::Rie,
    test_env::{FILMS, TestEnv},
};

const SPLITTER: &str = env!("CARGO_BIN_EXE_splitter");

#[tokio::test]
async fn a_video_of_8k_is_split_with_the_default_memory_and_rejected_as_too_large_with_half_of_it()
{
    let env = TestEnv::start().await;
    let video = media::hevc("7680x4320", 24, env.directory());
    let etag = env.adopt("8k.mp4", &video).await.etag;
    let event = object_created(FILMS, "8k.mp4", &etag);
    let mut events = env.our_events();
    for (megabytes, expected) in [("512", "videoRejected"), ("1024", "newVideoCreated")] {
        let mut environment = env.environment();
        let memory = ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes);
        environment.extend(
            [memory, ("OVERVIEW", "none")].map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let mut splitter = Rie::start(SPLITTER, &environment).await;
        let answer = splitter.invoke(&event).await;
        assert_eq!(answer["errorType"], serde_json::Value::Null, "{answer}");
        let sent = events.recv().await.unwrap();
        assert_eq!(sent["detail-type"], expected, "{answer}");
        if expected == "videoRejected" {
            assert_eq!(sent["detail"]["reason"], "tooLarge", "{sent}");
        }
    }
}

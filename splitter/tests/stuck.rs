//! A splitter whose ffprobe hangs ends in time and leaves nothing behind.

use std::time::Duration;

use gifgen_function::TransientError;
use gifgen_shared::Deadline;
use gifgen_testkit::{
    events::object_created,
    program::{self, running},
    test_env::{FILMS, TestEnv},
};

#[tokio::test]
async fn an_ffprobe_that_ignores_the_request_to_end_is_killed_and_waited_for() {
    let env = TestEnv::start().await;
    let etag = env.adopt_video("a.mp4", "d06").await.etag;
    let ffprobe = env.directory().join("stuck-ffprobe");
    program::write(&ffprobe, "#!/bin/sh\ntrap '' TERM\nwhile :; do :; done\n");
    let ffprobe = ffprobe.to_str().unwrap();
    let splitter = env.splitter(&[("FFPROBE", ffprobe)]);
    let event = object_created(FILMS, "a.mp4", &etag);
    let deadline = Deadline::after(Duration::from_secs(10));
    let error = splitter.handle(&event, deadline).await.unwrap_err();
    assert!(matches!(error, TransientError::Probe { .. }), "{error:?}");
    assert_eq!(running(ffprobe), 0);
}

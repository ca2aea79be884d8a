//! The real binary of the worker, hosted by Lambda's runtime emulator, on the embedded stack.

use std::{path::Path, time::Duration};

use gifgen_testkit::{
    events::{object_created, saved},
    media,
    rie::Rie,
    test_env::{FILMS, PREVIEWS, TestEnv, invocation},
    unresponsive::UnresponsiveServer,
};
use serde_json::{Value, json};
use tokio::process::Command;

const WORKER: &str = env!("CARGO_BIN_EXE_worker");

/// A stack with a video under the key that the saved events name, long enough for their slice;
/// and the video's ETag.
async fn env_with_long_video() -> (TestEnv, String) {
    let env = TestEnv::start().await;
    let long = media::looped("d35", 7, env.directory());
    let etag = env.adopt("long.mp4", &long).await.etag;
    (env, etag)
}

/// The stack's environment, and what makes a slice of 1080p quick.
fn environment(env: &TestEnv, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let small = [
        ("FRAMES", "each"),
        ("OVERVIEW", "none"),
        ("GIF_WIDTH", "64"),
        ("GIF_FPS", "2"),
        ("FRAME_WIDTH", "160"),
    ];
    let mut environment = env.environment();
    environment.extend(
        small
            .iter()
            .chain(more)
            .map(|(name, value)| (name.to_string(), value.to_string())),
    );
    environment
}

/// The keys of the previews, without the ledger.
async fn output_names(env: &TestEnv) -> Vec<String> {
    let outputs = env.stack().store().list(PREVIEWS, "").await.unwrap();
    let keys = outputs.into_iter().map(|object| object.key);
    keys.filter(|key| !key.ends_with(".json")).collect()
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

#[tokio::test]
async fn the_saved_slice_event_is_rendered_if_its_version_is_there() {
    let (env, etag) = env_with_long_video().await;
    let mut rie = Rie::start(WORKER, &environment(&env, &[])).await;
    let mut event = saved("slice.json");
    let answer = rie.invoke(&event).await;
    assert_eq!(answer["status"], "superseded");
    assert!(output_names(&env).await.is_empty());

    event["detail"]["etag"] = json!(format!("\"{etag}\""));
    let answer = rie.invoke(&event).await;
    assert_eq!(answer["status"], "done", "{answer}; log:\n{}", rie.log());
    assert_eq!(answer["gif"]["key"], "long.mp4/gifs/002250.gif");
    assert_eq!(answer["gif"]["frames"], 60);
    let frames = json!({"first": 2250, "count": 30, "width": 160, "height": 90});
    assert_eq!(answer["frames"], frames);
    let mut wanted: Vec<String> = (2250..2280)
        .map(|second| format!("long.mp4/frames/{second:06}.jpg"))
        .collect();
    wanted.push("long.mp4/gifs/002250.gif".into());
    assert_eq!(output_names(&env).await, wanted);
    assert!(is_empty(&rie.temporary()));
}

#[tokio::test]
async fn the_saved_slice_that_was_given_up_gets_its_receipt_if_its_version_is_there() {
    let (env, etag) = env_with_long_video().await;
    let created = object_created(FILMS, "long.mp4", &etag);
    let splitter = env.splitter(&[]);
    let deadline = invocation(Duration::from_secs(60)).deadline;
    splitter.handle(&created, deadline).await.unwrap();
    let mut rie = Rie::start(WORKER, &environment(&env, &[])).await;
    let mut event = saved("slice-given-up.json");
    let answer = rie.invoke(&event).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let receipt = "long.mp4/receipts/1/002250.json";
    let receipts = || env.stack().store().list(PREVIEWS, receipt);
    assert!(
        receipts().await.unwrap().is_empty(),
        "it is another version"
    );

    let body = &mut event["Records"][0]["body"];
    let mut record: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    record["requestPayload"]["detail"]["etag"] = json!(format!("\"{etag}\""));
    *body = json!(record.to_string());
    let answer = rie.invoke(&event).await;
    assert_eq!(answer, json!({"batchItemFailures": []}), "{}", rie.log());
    assert_eq!(receipts().await.unwrap().len(), 1, "{}", rie.log());
}

#[tokio::test]
async fn the_aws_samples_slice_event_is_rendered_from_the_bucket_of_the_settings() {
    let (env, _) = env_with_long_video().await;
    let settings = [("SOURCE_BUCKET", "films"), ("FRAMES", "storyboard")];
    let mut rie = Rie::start(WORKER, &environment(&env, &settings)).await;
    let answer = rie.invoke(&saved("aws-sample-slice.json")).await;
    assert_eq!(answer["status"], "done", "{answer}; log:\n{}", rie.log());
    assert_eq!(answer["gif"]["frames"], 58);
    let wanted = [
        "long.mp4/gifs/002250.gif",
        "long.mp4/storyboards/002250.jpg",
    ];
    assert_eq!(output_names(&env).await, wanted);
}

#[tokio::test]
async fn an_event_that_names_no_bucket_needs_the_setting() {
    let env = TestEnv::start().await;
    let mut rie = Rie::start(WORKER, &environment(&env, &[])).await;
    let answer = rie.invoke(&saved("aws-sample-slice.json")).await;
    assert_eq!(
        (&answer["status"], &answer["reason"]),
        (&json!("failed"), &json!("badEvent"))
    );
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("SOURCE_BUCKET"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_bad_setting_ends_the_binary_at_start_with_a_message_that_says_what_is_wrong() {
    let output = Command::new(WORKER)
        .env("DESTINATION_BUCKET", "previews")
        .env("GIF_WIDTH", "5000")
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let message = r#"GIF_WIDTH is "5000", and must be a whole number from 16 to 1280"#;
    assert!(said.contains(message), "{message:?} is not in {said}");
}

/// Lets a function of three seconds work with a server that never answers; `event` must be answered
/// with an error of the worker's own, and nothing may be left.
async fn hangs(event: Value) {
    let env = TestEnv::start().await;
    let unresponsive = UnresponsiveServer::start().await;
    let more = [
        ("AWS_ENDPOINT_URL_S3", &*unresponsive.endpoint()),
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", "3"),
        ("SOURCE_BUCKET", "films"),
    ];
    let mut rie = Rie::start(WORKER, &environment(&env, &more)).await;
    let meanwhile = async {
        unresponsive.connected().await;
        unresponsive.named_by()
    };
    let (answer, reading) = tokio::join!(rie.invoke(&event), meanwhile);
    assert_eq!(
        reading,
        Vec::<String>::new(),
        "before it is known what to read"
    );
    let error_type = answer["errorType"].as_str().unwrap_or_default();
    let transient = [
        "DeadlinePassed",
        "LedgerUnavailable",
        "SourceUnavailable",
        "SourceLost",
    ];
    assert!(
        transient.contains(&error_type),
        "{answer}; log:\n{}",
        rie.log()
    );
    assert_eq!(
        unresponsive.named_by(),
        Vec::<String>::new(),
        "FFmpeg is still there"
    );
    assert!(
        is_empty(&rie.temporary()),
        "a work directory is still there"
    );
}

#[tokio::test]
async fn a_ledger_that_hangs_is_answered_with_an_error_before_the_time_out() {
    for event in ["slice.json", "aws-sample-slice.json"] {
        hangs(saved(event)).await;
    }
}

//! Slices that were given up and that no run waits for: the failure queue lets them go, so that nobody
//! is told of a run that hangs.

use std::time::Duration;

use gifgen_testkit::{
    events::object_created,
    test_env::{FILMS, PREVIEWS, TestEnv, invocation},
};
use gifgen_worker::Worker;
use serde_json::{Value, json};

/// Stills, and no overview.
const SLICES: [(&str, &str); 2] = [("FRAMES", "each"), ("OVERVIEW", "none")];

const MINUTE: Duration = Duration::from_secs(60);

/// What the worker answers when `event` comes out of the failure queue.
async fn give_up(worker: &Worker, event: &Value) -> Value {
    let record = json!({
        "requestContext": {"requestId": "lost", "condition": "RetriesExhausted",
                           "approximateInvokeCount": 3},
        "requestPayload": event,
        "responsePayload": {"errorType": "SourceUnavailable", "errorMessage": "403"},
    });
    let message = json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs",
                                      "body": record.to_string()}]});
    json!(worker.handle(&message, &invocation(MINUTE)).await.unwrap())
}

/// Splits a version of a video, and gives the event of its first slice.
async fn split(env: &TestEnv, video: &str) -> Value {
    let etag = env.adopt_video("film.mp4", video).await.etag;
    let mut events = env.our_events();
    let created = object_created(FILMS, "film.mp4", &etag);
    let splitting = env.splitter(&SLICES);
    let splitting = splitting.handle(&created, invocation(MINUTE).deadline);
    splitting.await.unwrap();
    events.try_recv().unwrap()
}

/// Deletes the video.
async fn delete(env: &TestEnv) {
    let delete = env.s3().delete_object().bucket(FILMS).key("film.mp4");
    delete.send().await.unwrap();
}

async fn receipts(env: &TestEnv) -> usize {
    let objects = env.stack().store().list(PREVIEWS, "").await.unwrap();
    let is_receipt = |key: &str| key.contains("/receipts/") && key.ends_with(".json");
    (objects.iter().filter(|object| is_receipt(&object.key))).count()
}

#[tokio::test]
async fn a_slice_of_an_older_version_of_a_video_that_is_gone_is_let_go() {
    let env = TestEnv::start().await;
    let old = split(&env, "d06").await;
    split(&env, "d05").await;
    delete(&env).await;
    let answer = give_up(&env.worker(&[]), &old).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(receipts(&env).await, 0, "it is of no current run");
}

#[tokio::test]
async fn a_slice_that_was_rendered_keeps_its_receipt_so_that_the_last_worker_mends_its_objects() {
    let env = TestEnv::start().await;
    let etag = env.adopt_video("film.mp4", "d03").await.etag;
    let mut events = env.our_events();
    let short = [
        ("SLICE_SECONDS", "5"),
        ("GIF_WIDTH", "48"),
        SLICES[0],
        SLICES[1],
    ];
    let splitter = env.splitter(&short);
    let created = object_created(FILMS, "film.mp4", &etag);
    let splitting = splitter.handle(&created, invocation(MINUTE).deadline);
    splitting.await.unwrap();
    let slices: Vec<Value> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    let worker = env.worker(&short);
    worker
        .handle(&slices[0], &invocation(MINUTE))
        .await
        .unwrap();
    let frame = env.s3().delete_object().bucket(PREVIEWS);
    frame
        .key("film.mp4/frames/000001.jpg")
        .send()
        .await
        .unwrap();
    // Another delivery of the same slice waited for too long.
    let answer = give_up(&worker, &slices[0]).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    for slice in &slices[1..] {
        worker.handle(slice, &invocation(MINUTE)).await.unwrap();
    }
    let completed = events.try_recv().unwrap();
    assert_eq!(completed["detail"]["status"], "complete", "{completed}");
}

#[tokio::test]
async fn a_slice_of_no_run_is_let_go_whether_its_video_is_there_or_not() {
    let env = TestEnv::start().await;
    let slice = split(&env, "d06").await;
    let run = env.s3().delete_object().bucket(PREVIEWS);
    run.key("film.mp4/run.json").send().await.unwrap();
    let worker = env.worker(&[]);
    let done = json!({"batchItemFailures": []});
    assert_eq!(give_up(&worker, &slice).await, done);
    delete(&env).await;
    assert_eq!(give_up(&worker, &slice).await, done);
    assert_eq!(receipts(&env).await, 0);
}

#[tokio::test]
async fn a_slice_of_no_run_is_let_go_where_its_video_may_not_be_looked_at() {
    let env = TestEnv::start().await;
    let mut slice = split(&env, "d06").await;
    // S3 answers 400 to what is no bucket name: as little as the 403 of a role that may not list.
    slice["detail"]["bucket"] = json!("No_Bucket");
    slice["detail"]["key"] = json!("other.mp4");
    let answer = give_up(&env.worker(&[]), &slice).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
}

#[tokio::test]
async fn a_slice_of_the_current_run_is_recorded_though_its_video_is_gone() {
    let env = TestEnv::start().await;
    let slice = split(&env, "d06").await;
    delete(&env).await;
    let answer = give_up(&env.worker(&[]), &slice).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(receipts(&env).await, 1);
}

#[tokio::test]
async fn what_nobody_understands_stays_in_the_queue() {
    let env = TestEnv::start().await;
    let answer = give_up(&env.worker(&[]), &json!({"detail": {"key": "film.mp4"}})).await;
    assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], "m");
}

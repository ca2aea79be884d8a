//! The worker on a platform that freezes it, throttles it, and sometimes never answers. None of that costs
//! an invocation, and so no slice is rendered twice.

use std::time::Duration;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_s3::config::retry::RetryConfig;
use gifgen_ledger::{Bucket, Outputs, Precondition};
use gifgen_shared::{Deadline, ETag, PublishError, publish::publish};
use gifgen_testkit::{
    clients,
    events::object_created,
    fault_proxy::{FaultProxy, Faults, Kind},
    stale_connections::StaleConnectionProxy,
    stub_server::{self, StubServer},
    test_env::{FILMS, PREVIEWS, TestEnv, invocation, worker},
};
use gifgen_worker::{Answer, Worker};
use serde_json::Value;

const MINUTE: Duration = Duration::from_secs(60);

/// Time for an invocation that waits in vain for one answer, which takes up to 15 s.
const PATIENT: Duration = Duration::from_secs(100);

/// Settings that make slices of five seconds, quickly.
const QUICK: [(&str, &str); 6] = [
    ("SLICE_SECONDS", "5"),
    ("GIF_WIDTH", "48"),
    ("GIF_FPS", "2"),
    ("FRAME_WIDTH", "48"),
    ("FRAMES", "each"),
    ("OVERVIEW", "none"),
];

/// A test environment with a video of six slices that has been split, and the events of the slices.
async fn split() -> (TestEnv, Vec<Value>) {
    let env = TestEnv::start().await;
    let object = env.adopt_video("cars.mp4", "d45").await;
    let mut ours = env.our_events();
    let created = object_created(FILMS, "cars.mp4", &object.etag);
    let splitter = env.splitter(&QUICK);
    splitter
        .handle(&created, Deadline::after(MINUTE))
        .await
        .unwrap();
    let events: Vec<Value> = std::iter::from_fn(|| ours.try_recv().ok()).collect();
    assert!(events.len() >= 6, "{events:?}");
    (env, events)
}

/// A worker that reaches the test environment's S3 through the proxy at `endpoint`.
fn worker_behind(env: &TestEnv, endpoint: &str) -> Worker {
    let s3 = env.s3_behind(endpoint);
    worker(s3, env.bus().clone(), env.temporary(), &QUICK)
}

async fn faulty(env: &TestEnv, faults: Faults) -> (FaultProxy, Worker) {
    let proxy = FaultProxy::start(&env.stack().s3_endpoint(), faults).await;
    let worker = worker_behind(env, &proxy.endpoint());
    (proxy, worker)
}

/// One invocation, and only one.
async fn assert_done(worker: &Worker, event: &Value, within: Duration) {
    let answer = worker.handle(event, &invocation(within)).await;
    match answer {
        Ok(Answer::Done(report)) => match report.outputs {
            Outputs::Slice(outputs) => assert_eq!(outputs.frames.unwrap().count, 5),
            outputs => panic!("{outputs:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_invocations_in_a_row_succeed_though_all_connections_were_forgotten_between_them() {
    let (env, events) = split().await;
    let stale_proxy = StaleConnectionProxy::start(&env.stack().s3_endpoint()).await;
    let worker = worker_behind(&env, stale_proxy.endpoint());
    for event in &events[..5] {
        assert_done(&worker, event, MINUTE).await;
        stale_proxy.freeze();
    }
    // Each invocation but the first found dead connections.
    assert!(stale_proxy.reset() >= 4, "{stale_proxy:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_never_answered_is_sent_again_before_the_deadline() {
    let (env, events) = split().await;
    let (proxy, worker) = faulty(&env, Faults::NONE).await;
    proxy.deal_next("PUT gifs", Kind::Silence, 1);
    assert_done(&worker, &events[0], PATIENT).await;
    assert_eq!(proxy.dealt().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_slice_ends_before_its_deadline_though_s3_does_not_answer() {
    let (env, events) = split().await;
    let (proxy, worker) = faulty(&env, Faults::NONE).await;
    let newer = env.adopt_video("cars.mp4", "d05").await;
    let created = object_created(FILMS, "cars.mp4", &newer.etag);
    let splitter = env.splitter(&QUICK);
    splitter
        .handle(&created, Deadline::after(MINUTE))
        .await
        .unwrap();
    proxy.deal_next("GET manifest.json", Kind::Silence, usize::MAX);
    let invocation = invocation(Duration::from_secs(8));
    let deadline = invocation.deadline;
    worker.handle(&events[0], &invocation).await.unwrap_err();
    assert!(deadline.left() > Duration::ZERO);
    assert!(!proxy.dealt().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_never_answers_is_asked_again_before_the_deadline() {
    let (env, events) = split().await;
    let (proxy, worker) = faulty(&env, Faults::NONE).await;
    proxy.deal_next("GET source", Kind::Silence, 1);
    assert_done(&worker, &events[0], PATIENT).await;
    assert_eq!(proxy.dealt().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_503_on_half_of_all_requests_costs_no_invocation() {
    let (env, events) = split().await;
    let faults = Faults {
        seed: 11,
        rate: 0.5,
        kinds: &[Kind::Status(503)],
        most_per_target: 6,
    };
    let (proxy, worker) = faulty(&env, faults).await;
    for event in &events[..2] {
        assert_done(&worker, event, MINUTE).await;
    }
    assert!(proxy.dealt().len() > 10, "{:?}", proxy.dealt());
}

#[tokio::test(flavor = "multi_thread")]
async fn rendered_files_are_kept_while_uploads_are_throttled() {
    let (env, events) = split().await;
    let (proxy, worker) = faulty(&env, Faults::NONE).await;
    proxy.deal_next("PUT gifs", Kind::Status(503), 6);
    assert_done(&worker, &events[0], MINUTE).await;
    assert_eq!(proxy.requests()["PUT gifs"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_sent_again_after_a_pause_and_not_taken_for_another_version() {
    let (env, events) = split().await;
    let (proxy, worker) = faulty(&env, Faults::NONE).await;
    proxy.deal_next("PUT gifs", Kind::Status(409), 3);
    proxy.deal_next("PUT receipts", Kind::Status(409), 5);
    assert_done(&worker, &events[0], MINUTE).await;
    let requests = proxy.requests();
    assert_eq!(requests["PUT gifs"], 4);
    assert_eq!(requests["PUT receipts"], 6);
    assert_eq!(requests.get("ListObjectsV2 gifs"), None, "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rendered_files_are_kept_while_s3_throttles_what_an_earlier_run_left_to_compare() {
    let (env, events) = split().await;
    let mut ours = env.our_events();
    let (proxy, worker) = faulty(&env, Faults::NONE).await;
    assert_done(&worker, &events[0], MINUTE).await;
    // Another look makes another run.
    let wider = [
        ("GIF_WIDTH", "64"),
        ("SLICE_SECONDS", "5"),
        ("OVERVIEW", "none"),
    ];
    let etag = events[0]["detail"]["etag"].as_str().unwrap();
    let created = object_created(FILMS, "cars.mp4", etag);
    let splitter = env.splitter(&wider);
    splitter
        .handle(&created, Deadline::after(MINUTE))
        .await
        .unwrap();
    let event = ours.recv().await.unwrap();
    proxy.deal_next("ListObjectsV2 gifs", Kind::Status(503), 9);
    let before = proxy.requests().get("ListObjectsV2 gifs").copied();
    assert_done(&worker, &event, 3 * MINUTE).await;
    let after = proxy.requests()["ListObjectsV2 gifs"];
    assert!(after - before.unwrap_or_default() >= 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_that_stays_proves_nothing() {
    let server =
        StubServer::start(|_| stub_server::Answer::error(409, "OperationAborted", "busy")).await;
    let s3 = clients::s3(&server.endpoint(), "test", "test");
    let once = s3.config().to_builder();
    let once = once.retry_config(RetryConfig::disabled()).build();
    let bucket = Bucket::new(aws_sdk_s3::Client::from_conf(once), PREVIEWS);
    let version = ETag::new("\"a\"").unwrap();
    for when in [Precondition::Absent, Precondition::Is(version.clone())] {
        let error = bucket.write("a.json", &1, &when).await.unwrap_err();
        assert!(
            error.to_string().contains("409 OperationAborted"),
            "{error}"
        );
    }
    bucket.delete("a.json", &version).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_breaks_off_is_read_again() {
    let env = TestEnv::start().await;
    let proxy = FaultProxy::start(&env.stack().s3_endpoint(), Faults::NONE).await;
    let bucket = Bucket::new(env.s3_behind(&proxy.endpoint()), PREVIEWS);
    let text = "a text of some length".to_owned();
    bucket
        .write("a.json", &text, &Precondition::Absent)
        .await
        .unwrap();
    for kind in [Kind::CutAnswer, Kind::Truncate] {
        proxy.deal_next("GET", kind, 2);
        let (read, _) = bucket.read::<String>("a.json").await.unwrap().unwrap();
        assert_eq!(read, text);
    }
    assert_eq!(proxy.dealt().len(), 4);
}

async fn published(kind: Kind, times: usize, within: Duration) -> Result<usize, PublishError> {
    let env = TestEnv::start().await;
    let mut ours = env.our_events();
    let proxy = FaultProxy::start(&env.stack().eventbridge_endpoint(), Faults::NONE).await;
    proxy.deal_next("PutEvents", kind, times);
    let credentials = env.stack().credentials();
    let (id, secret) = (&credentials.access_key_id, &credentials.secret_access_key);
    let bus = clients::event_bridge(&proxy.endpoint(), id, secret);
    let entry = PutEventsRequestEntry::builder()
        .source("custom.gifGenerator")
        .detail_type("newVideoCreated")
        .detail("{}")
        .build();
    publish(&bus, vec![entry], Deadline::after(within)).await?;
    assert!(ours.recv().await.is_some());
    Ok(proxy.requests()["PutEvents"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_the_bus_that_is_throttled_as_a_whole_is_sent_again() {
    for kind in [Kind::Status(400), Kind::Status(429), Kind::Status(503)] {
        // More often than the SDK would.
        assert_eq!(published(kind, 4, MINUTE).await.unwrap(), 5, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_never_answers_is_asked_again_until_the_deadline() {
    let sent = published(Kind::Silence, 1, Duration::from_secs(30)).await;
    assert_eq!(sent.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bus_said_last_is_told_when_the_deadline_ends_the_attempts() {
    let error = published(Kind::Status(503), usize::MAX, Duration::from_secs(15)).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("SlowDown"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_refuses_is_not_asked_again() {
    let error = published(Kind::Status(403), usize::MAX, MINUTE)
        .await
        .unwrap_err();
    assert!(matches!(error, PublishError::Request(_)), "{error}");
    assert!(error.to_string().contains("AccessDenied"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_destination_is_named() {
    let (env, events) = split().await;
    let worker = env.worker(&[("DESTINATION_BUCKET", "previwes")]);
    let error = worker
        .handle(&events[0], &invocation(MINUTE))
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("s3://previwes/") && said.contains("there is no such bucket"),
        "{said}"
    );
}

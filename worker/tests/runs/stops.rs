//! A worker that stops at every step: after each request to S3 or the bus, heard or unheard.

use aws_sdk_s3::config::retry::RetryConfig;
use futures::{StreamExt, stream};
use gifgen_testkit::{
    clients,
    fault_proxy::{FaultProxy, Stop},
    test_env::{TestEnv, invocation, worker},
};
use gifgen_worker::{Answer, Worker};

use crate::support::*;

/// More steps than a worker's last slice has.
const MOST_STEPS: usize = 32;

/// Two slices, with few objects.
const SETTINGS: [(&str, &str); 4] = [
    ("SLICE_SECONDS", "10"),
    ("GIF_WIDTH", "48"),
    ("GIF_FPS", "1"),
    ("FRAMES", "storyboard"),
];

/// A worker that reaches the test environment only through proxies that stop with `stop`.
async fn mortal(env: &TestEnv, stop: &Stop) -> (Worker, FaultProxy, FaultProxy) {
    let stack = env.stack();
    let s3 = FaultProxy::stopping(&stack.s3_endpoint(), stop.clone()).await;
    let bus = FaultProxy::stopping(&stack.eventbridge_endpoint(), stop.clone()).await;
    let (id, secret) = {
        let credentials = stack.credentials();
        (&credentials.access_key_id, &credentials.secret_access_key)
    };
    // A dead process does not try again.
    let never = RetryConfig::disabled();
    let s3_config = clients::s3(&s3.endpoint(), id, secret)
        .config()
        .to_builder();
    let bus_config = clients::event_bridge(&bus.endpoint(), id, secret)
        .config()
        .to_builder();
    let worker = worker(
        aws_sdk_s3::Client::from_conf(s3_config.retry_config(never.clone()).build()),
        aws_sdk_eventbridge::Client::from_conf(bus_config.retry_config(never).build()),
        env.temporary(),
        &SETTINGS,
    );
    (worker, s3, bus)
}

/// The last of two slices, whose worker stops after `steps` requests and is run again. Whether it
/// stopped at all.
async fn stopped_after(steps: usize, last_unanswered: bool) -> bool {
    let what = format!("stopped after {steps} requests, the last unanswered: {last_unanswered}");
    let env = TestEnv::start().await;
    let etag = env.adopt_video(KEY, "d03").await.etag;
    let (mut slices, mut completions) = (slices(&env), completions(&env));
    split(&env.splitter(&SETTINGS), &etag).await;
    let mut events: Vec<_> = std::iter::from_fn(|| slices.try_recv().ok()).collect();
    let last = events.pop().unwrap();
    let immortal = env.worker(&SETTINGS);
    for event in &events {
        immortal.handle(event, &invocation(MINUTE)).await.unwrap();
    }
    assert!(manifest(&env).await.is_none(), "{what}");

    let stop = Stop::after(steps, last_unanswered);
    let (worker, _s3, bus) = mortal(&env, &stop).await;
    let own = invocation(MINUTE);
    let first = worker.handle(&last, &own).await;
    let stopped = stop.seen() > steps;
    stop.revive();
    if first.is_err() {
        let again = worker.handle(&last, &own).await;
        assert!(matches!(again, Ok(Answer::Done(_))), "{what}: {again:?}");
    }
    assert_whole(&env, &what).await;
    // A duplicate, days later, in an invocation of its own.
    let later = immortal.handle(&last, &invocation(MINUTE)).await;
    assert!(matches!(later, Ok(Answer::Done(_))), "{what}: {later:?}");
    let events = all(&mut completions);
    let told = 1 + bus.lost_acknowledgements();
    assert!(
        (1..=told).contains(&events.len()),
        "{what}: {told} expected, not {events:?}"
    );
    for event in &events {
        assert_eq!(event["status"], "complete", "{what}");
        assert_eq!(event, &events[0], "{what}");
    }
    stopped
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_at_any_step_and_is_run_again_completes_the_run_once() {
    let cases = (0..MOST_STEPS).flat_map(|steps| [(steps, false), (steps + 1, true)]);
    let stopped: Vec<bool> = stream::iter(cases)
        .map(|(steps, unanswered)| stopped_after(steps, unanswered))
        .buffer_unordered(6)
        .collect()
        .await;
    // The last cases are behind the end of the work: all steps were stopped at.
    let stops = stopped.iter().filter(|stopped| **stopped).count();
    println!("{stops} stops");
    assert!((20..2 * MOST_STEPS - 4).contains(&stops), "{stops} stops");
}

//! A worker that stops at every step: after each request to S3 or the bus, heard or unheard.

use aws_sdk_s3::config::retry::RetryConfig;
use futures::{StreamExt, stream};
use gifgen_testkit::{
    clients,
    fault_proxy::{FaultProxy, Stop},
    media,
    test_env::{TestEnv, invocation, worker},
};
use gifgen_worker::{Answer, Worker};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::support::*;

/// More steps than a worker's last job has.
const MOST_STEPS: usize = 90;

/// So many cases in a row that do not stop are behind the end of the work.
const WHOLE_AT_THE_END: usize = 4;

/// Two slices of 10 s, with few objects, and an overview.
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

/// What a worker that stopped came to.
struct Stopped {
    /// Whether it stopped at all.
    stopped: bool,
    /// The events that it and its retry sent.
    told: Vec<Value>,
    /// Events that may come twice: the bus's answer was lost, or the worker stopped before it recorded them.
    excused: usize,
}

/// Has the last job of a run done by a worker that stops after `steps` requests and is run again. Then another one gets
/// the same event, days later.
async fn stopping(
    env: &TestEnv,
    last: &Value,
    announcements: &mut UnboundedReceiver<Value>,
    (steps, last_unanswered): (usize, bool),
) -> Stopped {
    let what = format!("stopped after {steps} requests, the last unanswered: {last_unanswered}");
    let stop = Stop::after(steps, last_unanswered);
    let (worker, _s3, bus) = mortal(env, &stop).await;
    let own = invocation(MINUTE);
    let first = worker.handle(last, &own).await;
    let stopped = stop.seen() > steps;
    assert!(stopped || first.is_ok(), "{what}: {first:?}");
    let mut told = received(announcements);
    let record = run(env).await;
    let unrecorded = told.iter().filter(|event| match is_of_overview(event) {
        true => record.overview_announced.is_none(),
        false => record.announced.is_none(),
    });
    let excused = unrecorded.count() + bus.lost_acknowledgements();
    stop.revive();
    // The platform repeats what a dead worker did, however far it came.
    if stopped {
        let again = worker.handle(last, &own).await;
        assert!(matches!(again, Ok(Answer::Done(_))), "{what}: {again:?}");
    }
    let later = env.worker(&SETTINGS);
    let later = later.handle(last, &invocation(MINUTE)).await;
    assert!(matches!(later, Ok(Answer::Done(_))), "{what}: {later:?}");
    told.extend(received(announcements));
    Stopped {
        stopped,
        told,
        excused,
    }
}

/// Events that an overview or a run is complete, from the bus.
fn announcements(env: &TestEnv) -> UnboundedReceiver<Value> {
    let pattern = json!({"detail-type": ["videoOverviewCompleted", "videoPreviewsCompleted"]});
    env.stack()
        .bus()
        .add_rule("announcements", &pattern)
        .unwrap()
}

/// Whether it says that an overview is complete.
fn is_of_overview(event: &Value) -> bool {
    event["detail-type"] == "videoOverviewCompleted"
}

/// The details of the events of overviews, and of those of runs.
fn by_kind(events: &[Value]) -> (Vec<Value>, Vec<Value>) {
    let details = |of_overview| {
        let events = events
            .iter()
            .filter(move |event| is_of_overview(event) == of_overview);
        events.map(|event| event["detail"].clone()).collect()
    };
    (details(true), details(false))
}

/// Asserts that there is one event, or that the others are the same and excused.
fn assert_told_once(events: &[Value], excused: usize, what: &str) {
    let told = 1 + excused;
    assert!(
        (1..=told).contains(&events.len()),
        "{what}: {told} expected, not {events:?}"
    );
    assert!(
        events.iter().all(|event| *event == events[0]),
        "{what}: {events:?}"
    );
}

/// The last slice of a run with an overview, whose worker stops. Whether it stopped at all.
async fn at_the_last_slice(stop: (usize, bool)) -> bool {
    let what = format!("{stop:?}");
    let env = TestEnv::start().await;
    let etag = env.adopt_video(KEY, "d03").await.etag;
    let (mut jobs, mut announcements) = (jobs(&env), announcements(&env));
    split(&env.splitter(&SETTINGS), &etag).await;
    let mut events = received(&mut jobs);
    let last = events.pop().unwrap();
    for event in &events {
        handle(&env.worker(&SETTINGS), event).await;
    }
    let (overview, run) = by_kind(&received(&mut announcements));
    assert_eq!((overview.len(), run.len()), (1, 0), "{what}");
    assert!(manifest(&env).await.is_none(), "{what}");
    let ended = stopping(&env, &last, &mut announcements, stop).await;
    assert_whole(&env, &what).await;
    let (overview, run) = by_kind(&ended.told);
    assert_eq!(overview, [] as [Value; 0], "{what}");
    assert_told_once(&run, ended.excused, &what);
    assert_eq!(run[0]["status"], "complete", "{what}");
    ended.stopped
}

/// The last of two sheets, whose worker stops while the slice waits.
async fn at_the_last_sheet(stop: (usize, bool)) -> bool {
    let what = format!("{stop:?}");
    let env = TestEnv::start().await;
    let etag = env
        .adopt(KEY, &media::tiny(110, env.directory()))
        .await
        .etag;
    let (mut jobs, mut announcements) = (jobs(&env), announcements(&env));
    let settings = with(&SETTINGS, &[("SLICE_SECONDS", "120")]);
    split(&env.splitter(&settings), &etag).await;
    let events = received(&mut jobs);
    assert_eq!(events.iter().filter(|event| is_sheet(event)).count(), 2);
    handle(&env.worker(&SETTINGS), &events[0]).await;
    assert!(received(&mut announcements).is_empty(), "{what}");
    let ended = stopping(&env, &events[1], &mut announcements, stop).await;
    let (overview, run) = by_kind(&ended.told);
    assert_told_once(&overview, ended.excused, &what);
    assert_eq!(run, [] as [Value; 0], "{what}");
    assert!(manifest(&env).await.is_none(), "{what}");
    handle(&env.worker(&SETTINGS), &events[2]).await;
    let manifest = assert_whole(&env, &what).await;
    assert!(manifest.overview.unwrap().track.is_some(), "{what}");
    let (overview, run) = by_kind(&received(&mut announcements));
    assert_eq!((overview.len(), run.len()), (0, 1), "{what}");
    ended.stopped
}

/// The only sheet, which is the last job of all.
async fn at_a_sheet_that_ends_the_run(stop: (usize, bool)) -> bool {
    let what = format!("{stop:?}");
    let env = TestEnv::start().await;
    let etag = env.adopt(KEY, &media::tiny(7, env.directory())).await.etag;
    let (mut jobs, mut announcements) = (jobs(&env), announcements(&env));
    split(&env.splitter(&SETTINGS), &etag).await;
    let events = received(&mut jobs);
    handle(&env.worker(&SETTINGS), &events[1]).await;
    let ended = stopping(&env, &events[0], &mut announcements, stop).await;
    assert_whole(&env, &what).await;
    let (overview, run) = by_kind(&ended.told);
    assert_told_once(&overview, ended.excused, &what);
    assert_told_once(&run, ended.excused, &what);
    ended.stopped
}

/// The one job of a run that takes all slices over and has no overview any more.
async fn while_it_removes_what_is_old(stop: (usize, bool)) -> bool {
    let what = format!("{stop:?}");
    let env = TestEnv::start().await;
    let etag = env.adopt(KEY, &media::tiny(7, env.directory())).await.etag;
    let (mut jobs, mut announcements) = (jobs(&env), announcements(&env));
    split(&env.splitter(&SETTINGS), &etag).await;
    for event in received(&mut jobs) {
        handle(&env.worker(&SETTINGS), &event).await;
    }
    let overview = ["overview/0000.jpg", "overview.vtt"].map(|name| format!("{KEY}/{name}"));
    let stored = previews(&env).await;
    assert!(
        overview.iter().all(|key| stored.contains_key(key)),
        "{what}"
    );
    received(&mut announcements);

    split(
        &env.splitter(&with(&SETTINGS, &[("OVERVIEW", "none")])),
        &etag,
    )
    .await;
    let events = received(&mut jobs);
    assert_eq!(events.len(), 1, "{what}: {events:?}");
    let ended = stopping(&env, &events[0], &mut announcements, stop).await;
    assert_whole(&env, &what).await;
    assert_told_once(&by_kind(&ended.told).1, ended.excused, &what);
    let stored = previews(&env).await;
    let left: Vec<_> = overview
        .iter()
        .filter(|key| stored.contains_key(*key))
        .collect();
    assert_eq!(left, [] as [&String; 0], "{what}");
    ended.stopped
}

/// Stops `work` at all its steps, of which there are so many at least.
async fn stop_everywhere<F: Future<Output = bool>>(
    least: usize,
    work: impl Fn((usize, bool)) -> F,
) {
    let cases = (0..MOST_STEPS).flat_map(|steps| [(steps, false), (steps + 1, true)]);
    let mut ended = stream::iter(cases.map(work)).buffered(6);
    let (mut stops, mut whole) = (0, 0);
    while let Some(stopped) = ended.next().await {
        (stops, whole) = if stopped {
            (stops + 1, 0)
        } else {
            (stops, whole + 1)
        };
        if whole == WHOLE_AT_THE_END {
            break;
        }
    }
    println!("{stops} stops");
    // The last cases were behind the end of the work: all steps were stopped at.
    assert_eq!(whole, WHOLE_AT_THE_END, "{stops} stops");
    assert!(stops >= least, "{stops} stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_at_any_step_and_is_run_again_completes_the_run_once() {
    stop_everywhere(20, at_the_last_slice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_at_any_step_of_the_last_sheet_announces_the_overview_once() {
    stop_everywhere(20, at_the_last_sheet).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_at_any_step_of_a_sheet_that_ends_the_run_announces_both_once() {
    stop_everywhere(30, at_a_sheet_that_ends_the_run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_at_any_step_leaves_nothing_of_an_earlier_run() {
    stop_everywhere(20, while_it_removes_what_is_old).await;
}

//! Notifications that come twice, at once or in mid-run, and splitters that die or fail while they send.
//! No slice is sent needlessly, and none is lost.

use std::time::Duration;

use gifgen_ledger::{Ledger, Race};
use gifgen_shared::{Deadline, SourceKey};
use gifgen_splitter::Splitter;
use gifgen_testkit::{
    clients,
    events::{object_created, object_restored},
    put_events::{FailingBus, Verdict},
    run_json::{self, an_hour_ago, sent_an_hour_ago},
    test_env::{FILMS, PREVIEWS, TestEnv, invocation},
    unresponsive::UnresponsiveServer,
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const KEY: &str = "a.mp4";

/// One-second slices, and no overview. `d03` has 15.
const SETTINGS: [(&str, &str); 2] = [("SLICE_SECONDS", "1"), ("OVERVIEW", "none")];

const COUNT: usize = 15;

/// Longer than any test takes, and shorter than a splitter waits for a silent one.
const SOON: Duration = Duration::from_secs(25);

/// A test environment with a video, the event of its upload, and a bus that takes all.
async fn env() -> (TestEnv, Value, FailingBus) {
    let env = TestEnv::start().await;
    let etag = env.adopt_video(KEY, "d03").await.etag;
    let bus = FailingBus::start(|_, _| Verdict::Take).await;
    (env, object_created(FILMS, KEY, &etag), bus)
}

fn splitter(env: &TestEnv, bus: &FailingBus) -> Splitter {
    env.splitter_to(bus.client(), &SETTINGS)
}

/// The splitter's outcome for the one object of `event`. Panics if it does not come soon.
async fn outcome(splitter: &Splitter, event: &Value) -> Value {
    let handled = splitter.handle(event, Deadline::after(Duration::from_secs(60)));
    let handled = timeout(SOON, handled).await.expect("it takes too long");
    json!(handled.unwrap())["sources"][0].clone()
}

/// How often each slice was sent, in order of the slices.
fn sent(bus: &FailingBus) -> Vec<usize> {
    let mut sent = vec![0; COUNT];
    for detail in bus.requests().iter().flatten() {
        sent[detail["index"].as_u64().unwrap() as usize] += 1;
    }
    sent
}

/// Two splitters get `event` at once.
async fn assert_one_of_two_sends(env: &TestEnv, event: &Value, bus: &FailingBus) {
    let (one, other) = (splitter(env, bus), splitter(env, bus));
    let (one, other) = tokio::join!(outcome(&one, event), outcome(&other, event));
    let mut statuses = [&one["status"], &other["status"]].map(|status| status.as_str().unwrap());
    statuses.sort_unstable();
    assert_eq!(statuses, ["split", "underWay"]);
    assert_eq!(sent(bus), [1; COUNT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_comes_twice_at_once_sends_each_slice_once() {
    let (env, event, bus) = env().await;
    assert_one_of_two_sends(&env, &event, &bus).await;
}

#[tokio::test]
async fn a_notification_that_comes_again_in_mid_run_sends_nothing_before_a_quarter_of_an_hour() {
    let (env, event, bus) = env().await;
    let splitter = splitter(&env, &bus);
    assert_eq!(outcome(&splitter, &event).await["sent"], COUNT);
    let first = json!({"detail": bus.requests()[0][0]});
    let rendered = env.worker(&[]).handle(&first, &invocation(SOON)).await;
    assert_eq!(json!(rendered.unwrap())["status"], "done");
    let again = outcome(&splitter, &event).await;
    assert_eq!(again["status"], "underWay", "{again}");
    assert_eq!(sent(&bus), [1; COUNT]);

    sent_an_hour_ago(env.s3(), KEY).await;
    let again = outcome(&splitter, &event).await;
    assert_eq!(again["sent"], COUNT - 1, "{again}");
    // `run.json` records it as sent.
    assert_eq!(outcome(&splitter, &event).await["status"], "underWay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_video_whose_event_comes_twice_sends_each_slice_once() {
    let (env, created, bus) = env().await;
    let etag = created["detail"]["object"]["etag"].as_str().unwrap();
    let event = object_restored(FILMS, KEY, etag);
    assert_one_of_two_sends(&env, &event, &bus).await;
}

#[tokio::test]
async fn a_video_that_is_restored_in_mid_run_gets_what_could_not_be_read() {
    let (env, created, bus) = env().await;
    let splitter = splitter(&env, &bus);
    assert_eq!(outcome(&splitter, &created).await["sent"], COUNT);
    let etag = created["detail"]["object"]["etag"].as_str().unwrap();
    let restored = outcome(&splitter, &object_restored(FILMS, KEY, etag)).await;
    assert_eq!(restored["sent"], COUNT, "{restored}");
}

#[tokio::test]
async fn a_splitter_that_died_while_it_sent_is_run_again_and_sends() {
    let (env, event, bus) = env().await;
    let unresponsive = UnresponsiveServer::start().await;
    let silent = clients::event_bridge(&unresponsive.endpoint(), "test", "test");
    let dies = env.splitter_to(silent, &SETTINGS);
    tokio::select! {
        _ = dies.handle(&event, Deadline::after(SOON)) => panic!("the bus never answers"),
        () = unresponsive.connected() => {}
    }
    // Lambda runs it again after a minute.
    run_json::change(env.s3(), KEY, |run| {
        assert!(run["sending"].is_string() && run["sent"].is_null(), "{run}");
        run["sending"] = json!(chrono::Utc::now() - chrono::TimeDelta::minutes(1));
    })
    .await;
    let again = outcome(&splitter(&env, &bus), &event).await;
    assert_eq!(again["sent"], COUNT, "{again}");
    assert_eq!(sent(&bus), [1; COUNT]);
}

#[tokio::test]
async fn nobody_waits_for_a_splitter_that_failed() {
    let (env, event, bus) = env().await;
    let refusing = FailingBus::start(|_, _| Verdict::Fail("MalformedDetail")).await;
    let failed = outcome(&splitter(&env, &refusing), &event).await;
    assert_eq!(failed["status"], "failed", "{failed}");
    let again = outcome(&splitter(&env, &bus), &event).await;
    assert_eq!(again["sent"], COUNT, "{again}");
}

#[tokio::test]
async fn a_splitter_waits_for_another_that_sends_and_then_has_nothing_to_do() {
    let (env, event, bus) = env().await;
    let splitter = splitter(&env, &bus);
    outcome(&splitter, &event).await;
    run_json::change(env.s3(), KEY, |run| {
        run["sending"] = json!(chrono::Utc::now());
        run["sent"] = Value::Null;
    })
    .await;
    let other = async {
        // The result is the same whether or not the splitter has begun to wait.
        sleep(Duration::from_millis(500)).await;
        run_json::change(env.s3(), KEY, |run| {
            run["sending"] = Value::Null;
            run["sent"] = json!(chrono::Utc::now());
        })
        .await;
    };
    let (waited, ()) = tokio::join!(outcome(&splitter, &event), other);
    assert_eq!(waited["status"], "underWay", "{waited}");
    assert_eq!(sent(&bus), [1; COUNT]);
}

#[tokio::test]
async fn clocks_that_are_wrong_keep_nothing_from_being_sent() {
    let (env, event, bus) = env().await;
    let splitter = splitter(&env, &bus);
    outcome(&splitter, &event).await;
    for time in [json!("2126-01-01T00:00:00Z"), an_hour_ago()] {
        run_json::change(env.s3(), KEY, |run| {
            run["sending"] = time.clone();
            run["sent"] = time;
        })
        .await;
        assert_eq!(outcome(&splitter, &event).await["sent"], COUNT);
    }
    assert_eq!(sent(&bus), [3; COUNT]);
}

#[tokio::test]
async fn what_failed_is_sent_again_however_short_ago_it_was_sent() {
    let env = TestEnv::start().await;
    let etag = env.adopt_video(KEY, "d06").await.etag;
    let bus = FailingBus::start(|_, _| Verdict::Take).await;
    let splitter = env.splitter_to(bus.client(), &[("OVERVIEW", "none")]);
    let event = object_created(FILMS, KEY, &etag);
    assert_eq!(outcome(&splitter, &event).await["sent"], 1);
    let record = json!({"requestPayload": {"detail": bus.requests()[0][0]}});
    let given_up = json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs",
                                       "body": record.to_string()}]});
    let worker = env.worker(&[]);
    worker.handle(&given_up, &invocation(SOON)).await.unwrap();
    assert_eq!(outcome(&splitter, &event).await["sent"], 1);
    // Its manifest is deleted, so the run is under way again.
    assert_eq!(outcome(&splitter, &event).await["status"], "underWay");
}

#[tokio::test]
async fn who_was_overtaken_while_sending_does_not_say_that_all_is_sent() {
    let (env, event, bus) = env().await;
    outcome(&splitter(&env, &bus), &event).await;
    let key = SourceKey::plain(KEY).unwrap();
    let ledger = Ledger::new(env.s3().clone(), PREVIEWS, env.bus().clone(), "default");
    let read = ledger.current_run(&key).await.unwrap().unwrap();
    let Race::Won(slow) = ledger.resume(&read).await.unwrap() else {
        panic!("nobody else writes");
    };
    let read = ledger.current_run(&key).await.unwrap().unwrap();
    let Race::Won(other) = ledger.resume(&read).await.unwrap() else {
        panic!("nobody else writes");
    };
    for _ in 0..2 {
        ledger.note_sent(&slow).await.unwrap();
        ledger.note_unsent(&slow).await.unwrap();
        let (now, _) = ledger.current_run(&key).await.unwrap().unwrap();
        assert_eq!(now, other);
    }
    ledger.note_sent(&other).await.unwrap();
    let (now, _) = ledger.current_run(&key).await.unwrap().unwrap();
    assert!(now.sending.is_none() && now.sent.is_some(), "{now:?}");
}

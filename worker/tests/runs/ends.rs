//! How runs end: whole, in part, superseded, repaired.

use std::fs;

use gifgen_ledger::{bucket::Precondition, manifest::Status, receipt::Outcome, run::Run};
use gifgen_testkit::{
    program,
    run_json::sent_an_hour_ago,
    test_env::{FILMS, PREVIEWS, TestEnv},
};
use gifgen_worker::worker::Answer;
use serde_json::{Value, json};

use crate::support::*;

/// An environment on which the first version of the video, of 15 seconds, has been split; and the events of
/// its three slices.
async fn split_env() -> (TestEnv, Vec<Value>) {
    let env = TestEnv::start().await;
    let etag = env.adopt_video(KEY, "d03").await.etag;
    let mut receiver = slices(&env);
    split(&env.splitter(&QUICK), &etag).await;
    let events: Vec<Value> = received(&mut receiver);
    assert_eq!(events.len(), 3);
    (env, events)
}

/// What Lambda sends to the failure queue for an event that failed for the last time.
fn given_up(event: &Value) -> Value {
    let record = json!({
        "requestContext": {"requestId": "lost", "condition": "RetriesExhausted",
                           "approximateInvokeCount": 3},
        "requestPayload": event,
        "responsePayload": {"errorType": "Runtime.ExitError", "errorMessage": "signal: killed"},
    });
    json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": record.to_string()}]})
}

async fn delete(env: &TestEnv, key: &str) {
    let delete = env.s3().delete_object().bucket(PREVIEWS).key(key);
    delete.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_comes_with_the_last_receipt_and_is_announced_once() {
    let (env, events) = split_env().await;
    let mut completions = completions(&env);
    let worker = env.worker(&QUICK);
    for event in events.iter().rev() {
        assert!(manifest(&env).await.is_none());
        handle(&worker, event).await;
    }
    for event in &events {
        handle(&worker, event).await;
    }
    let manifest = assert_whole(&env, "").await;
    assert_eq!(manifest.totals.slowest_slices.len(), 3);
    assert!(manifest.totals.bytes_read > 1_000_000, "{manifest:?}");
    let announced = all(&mut completions);
    assert_eq!(announced.len(), 1);
    assert_eq!(announced[0]["status"], "complete");
    assert_eq!(announced[0]["manifest"], "a film.mp4/manifest.json");
    assert_eq!(announced[0]["slices"], 3);
    assert_eq!(announced[0]["failedSlices"], 0);
    let track = String::from_utf8(previews(&env).await["a film.mp4/storyboard.vtt"].clone());
    let track = track.unwrap();
    assert!(track.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nframes/000000.jpg\n"));
    let stills = (previews(&env).await.into_keys()).filter(|key| key.contains("/frames/"));
    assert_eq!(track.matches("-->").count(), stills.count(), "{track}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_that_is_rendered_already_is_not_rendered_again() {
    let (env, events) = split_env().await;
    let worker = env.worker(&QUICK);
    handle(&worker, &events[0]).await;
    let receipt = || async { ledger(&env).receipt(&run(&env).await, 0).await.unwrap() };
    let before = receipt().await;
    handle(&worker, &events[0]).await;
    assert_eq!(receipt().await, before);
    // Unless something of it is missing.
    delete(&env, "a film.mp4/frames/000003.jpg").await;
    handle(&worker, &events[0]).await;
    assert!(
        previews(&env)
            .await
            .contains_key("a film.mp4/frames/000003.jpg")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_that_is_given_up_makes_the_run_partial_and_a_late_success_makes_it_whole() {
    let (env, events) = split_env().await;
    let mut completions = completions(&env);
    let worker = env.worker(&QUICK);
    handle(&worker, &events[0]).await;
    handle(&worker, &events[2]).await;
    let answer = handle(&worker, &given_up(&events[1])).await;
    assert_eq!(json!(answer), json!({"batchItemFailures": []}));
    let partial = manifest(&env).await.unwrap();
    assert_eq!(partial.status, Status::Partial);
    let failed: Vec<_> = partial.failed().map(|slice| slice.start).collect();
    assert_eq!(failed, [5]);
    // What is given up once more changes nothing, and is not told again.
    handle(&worker, &given_up(&events[1])).await;
    let told = all(&mut completions);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["status"], "partial");
    assert_eq!(told[0]["failedSlices"], 1);

    handle(&worker, &events[1]).await;
    assert_whole(&env, "").await;
    // A failure that comes later than the success is none.
    handle(&worker, &given_up(&events[1])).await;
    assert_whole(&env, "").await;
    let told = all(&mut completions);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["status"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_that_cannot_be_rendered_is_named_in_the_manifest() {
    let env = TestEnv::start().await;
    let etag = env.adopt_video(KEY, "d43").await.etag;
    let (mut slices, mut completions) = (slices(&env), completions(&env));
    split(&env.splitter(&QUICK), &etag).await;
    let worker = env.worker(&QUICK);
    for event in received(&mut slices) {
        let answer = handle(&worker, &event).await;
        assert!(matches!(answer, Answer::Failed { .. }), "{answer:?}");
    }
    let manifest = manifest(&env).await.unwrap();
    assert_eq!(manifest.status, Status::Partial);
    let failure = manifest.slices[0].failure().unwrap();
    assert_eq!(failure.reason, "undecodable");
    assert!(!failure.message.contains("X-Amz"), "{failure:?}");
    assert_eq!(all(&mut completions).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_vanish_before_the_end_are_never_called_complete() {
    let (env, events) = split_env().await;
    let worker = env.worker(&QUICK);
    handle(&worker, &events[0]).await;
    handle(&worker, &events[1]).await;
    delete(&env, "a film.mp4/frames/000003.jpg").await;
    handle(&worker, &given_up(&events[2])).await;
    let partial = manifest(&env).await.unwrap();
    let failure = partial.slices[0].failure().unwrap();
    assert_eq!(failure.reason, "objectsMissing");
    assert_eq!(failure.message, "a film.mp4/frames/000003.jpg is missing");
    assert_eq!(partial.failed().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_worker_renders_again_what_has_vanished() {
    let (env, events) = split_env().await;
    let mut completions = completions(&env);
    let worker = env.worker(&QUICK);
    handle(&worker, &events[0]).await;
    handle(&worker, &events[1]).await;
    delete(&env, "a film.mp4/frames/000003.jpg").await;
    handle(&worker, &events[2]).await;
    assert_whole(&env, "").await;
    let told = all(&mut completions);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["status"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_vanished_and_cannot_be_rendered_again_is_named() {
    let (env, events) = split_env().await;
    let worker = env.worker(&QUICK);
    for event in &events {
        handle(&worker, event).await;
    }
    delete(&env, "a film.mp4/manifest.json").await;
    delete(&env, "a film.mp4/frames/000003.jpg").await;
    let source = env.s3().delete_object().bucket(FILMS).key(KEY);
    source.send().await.unwrap();
    handle(&worker, &events[2]).await;
    let partial = manifest(&env).await.unwrap();
    let failure = partial.slices[0].failure().unwrap();
    assert_eq!(failure.reason, "sourceGone");
    assert_eq!(partial.failed().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_replaced_in_mid_run_gives_the_new_run_whole_and_the_old_one_no_manifest()
{
    let (env, old) = split_env().await;
    let mut completions = completions(&env);
    let worker = env.worker(&QUICK);
    handle(&worker, &old[0]).await;
    let etag = env.adopt_video(KEY, "d10").await.etag;
    // The old run goes on for as long as nobody knows of the new one, and cannot read any more.
    assert!(matches!(handle(&worker, &old[1]).await, Answer::Superseded));
    let mut receiver = slices(&env);
    split(&env.splitter(&QUICK), &etag).await;
    let new = received(&mut receiver);
    for event in new.iter().chain(&old) {
        let answer = handle(&worker, event).await;
        let is_new = event["detail"]["etag"] == new[0]["detail"]["etag"];
        assert_eq!(matches!(answer, Answer::Done(_)), is_new, "{answer:?}");
    }
    let manifest = assert_whole(&env, "").await;
    assert_eq!(manifest.run, 2);
    let told = all(&mut completions);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["run"], 2);

    let alone = TestEnv::start().await;
    let etag = alone.adopt_video(KEY, "d10").await.etag;
    let mut receiver = slices(&alone);
    split(&alone.splitter(&QUICK), &etag).await;
    for event in received(&mut receiver) {
        handle(&alone.worker(&QUICK), &event).await;
    }
    let mixed = previews(&env).await;
    for (key, bytes) in previews(&alone).await {
        assert!(mixed[&key] == bytes, "{key} is another run's");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_worker_never_writes_over_a_newer_run() {
    let (env, old) = split_env().await;
    let slow = fs::canonicalize("/usr/bin/ffmpeg").unwrap();
    // It has read its source when the new run begins, and comes to upload when that is complete.
    let gate = env.directory().join("go-on");
    let script = env.directory().join("slow-ffmpeg");
    // Caged, it can write in its own work directory only, but look whether a file is anywhere.
    let text = format!(
        "#!/bin/sh\n{} \"$@\"\ncode=$?\n: > reached\nwhile [ ! -e {} ]; do sleep 0.02; done\nexit $code\n",
        slow.display(),
        gate.display()
    );
    program::write(&script, text);
    let mut settings = QUICK.to_vec();
    let path = script.to_str().unwrap().to_owned();
    settings.push(("FFMPEG", &path));
    let late = env.worker(&settings);
    let event = old[0].clone();
    let working = tokio::spawn(async move { handle(&late, &event).await });
    let reached = || {
        let work = fs::read_dir(env.temporary()).unwrap().flatten();
        work.map(|entry| entry.path().join("reached"))
            .any(|file| file.exists())
    };
    while !reached() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    let etag = env.adopt_video(KEY, "d10").await.etag;
    let mut receiver = slices(&env);
    split(&env.splitter(&QUICK), &etag).await;
    let worker = env.worker(&QUICK);
    for event in received(&mut receiver) {
        handle(&worker, &event).await;
    }
    let new = previews(&env).await;
    assert_whole(&env, "").await;
    fs::write(gate, "").unwrap();
    assert!(matches!(working.await.unwrap(), Answer::Superseded));
    assert_whole(&env, "").await;
    let after = previews(&env).await;
    for (key, bytes) in &new {
        assert!(after[key] == *bytes, "{key} was written over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_what_is_complete_is_skipped_and_of_what_is_not_goes_on() {
    let (env, events) = split_env().await;
    let worker = env.worker(&QUICK);
    handle(&worker, &events[0]).await;
    let objects = env.stack().store().list(FILMS, "").await.unwrap();
    let etag = &objects[0].etag;
    let mut receiver = slices(&env);
    let splitter = env.splitter(&QUICK);
    let answer = split(&splitter, etag).await;
    assert_eq!(answer["sources"][0]["status"], "underWay", "{answer}");
    sent_an_hour_ago(env.s3(), KEY).await;
    let answer = split(&splitter, etag).await;
    assert_eq!(answer["sources"][0]["sent"], 2, "{answer}");
    for event in received(&mut receiver) {
        handle(&worker, &event).await;
    }
    assert_whole(&env, "").await;
    let answer = split(&splitter, etag).await;
    assert_eq!(answer["sources"][0]["status"], "complete", "{answer}");
    assert!(received(&mut receiver).is_empty());

    // With other settings it is another run.
    let other = [QUICK[0], QUICK[1], QUICK[2], ("FRAME_WIDTH", "64")];
    let answer = split(&env.splitter(&other), etag).await;
    assert_eq!(answer["sources"][0]["run"], 2, "{answer}");
    assert!(
        manifest(&env).await.is_none(),
        "its objects are about to go"
    );
    for event in received(&mut receiver) {
        handle(&worker, &event).await;
    }
    let manifest = assert_whole(&env, "").await;
    assert_eq!(manifest.settings.frame_width, Some(64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_begins_too_late_leaves_the_manifest_of_the_faster_one() {
    let (env, events) = split_env().await;
    let worker = env.worker(&QUICK);
    for event in &events {
        handle(&worker, event).await;
    }
    // As a second splitter that read `run.json` when there was none, and measured slowly.
    let current = run(&env).await;
    let late = Run::new(current.source, current.video, current.settings, None);
    assert!(!ledger(&env).begin(&late, None).await.unwrap());
    assert_whole(&env, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_version_is_a_slice_of_the_run_or_is_refused() {
    let (env, events) = split_env().await;
    let worker = env.worker(&QUICK);
    for event in &events {
        handle(&worker, event).await;
    }
    // As the AWS sample has it, whose ends are others.
    let sample = json!({"bucket": FILMS, "key": KEY, "start": 5, "end": 7});
    assert!(matches!(handle(&worker, &sample).await, Answer::Done(_)));
    let no_slice = json!({"bucket": FILMS, "key": KEY, "start": 6, "end": 7});
    match handle(&worker, &no_slice).await {
        Answer::Failed { reason, .. } => assert_eq!(reason, "noSlice"),
        other => panic!("{other:?}"),
    }
    assert_whole(&env, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_believed_no_further_than_its_objects() {
    let (env, events) = split_env().await;
    let worker = env.worker(&QUICK);
    handle(&worker, &events[0]).await;
    handle(&worker, &events[1]).await;
    let (ledger, run) = (ledger(&env), run(&env).await);
    // One that forgets its objects is none, and so is one that lies in the place of another.
    let mut receipt = ledger.receipt(&run, 0).await.unwrap().unwrap();
    let other = run.keys().receipt(run.run, 5);
    let always = Precondition::Always;
    ledger
        .bucket
        .write(&other, &receipt, &always)
        .await
        .unwrap();
    if let Outcome::Good { objects, .. } = &mut receipt.outcome {
        objects.clear();
    }
    let own = run.keys().receipt(run.run, 0);
    ledger.bucket.write(&own, &receipt, &always).await.unwrap();
    delete(&env, "a film.mp4/gifs/000000.gif").await;
    handle(&worker, &events[2]).await;
    assert!(manifest(&env).await.is_none());
    let unfinished = ledger.unfinished(&run).await.unwrap();
    assert_eq!(unfinished.len(), 2);
    for (slice, attempt) in unfinished {
        handle(&worker, &json!(run.event(&slice, attempt, None))).await;
    }
    assert_whole(&env, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_comes_again_leaves_a_run_alone_that_ends_meanwhile() {
    let (env, events) = split_env().await;
    let mut completions = completions(&env);
    let worker = env.worker(&QUICK);
    handle(&worker, &events[0]).await;
    handle(&worker, &given_up(&events[1])).await;
    let (ledger, run) = (ledger(&env), run(&env).await);
    // The splitter sees no manifest, and what is unfinished; then all ends well.
    let unfinished = ledger.unfinished(&run).await.unwrap();
    assert_eq!(unfinished.len(), 2);
    handle(&worker, &events[1]).await;
    handle(&worker, &events[2]).await;
    ledger.reopen(&run, None, &unfinished).await.unwrap();
    for (slice, attempt) in unfinished {
        handle(&worker, &json!(run.event(&slice, attempt, None))).await;
    }
    assert_whole(&env, "").await;
    assert_eq!(all(&mut completions).len(), 1);
}

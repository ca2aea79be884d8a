//! Runs of a source that is uploaded or announced again: superseded, skipped or resumed.

use gifgen_ledger::Run;
use gifgen_testkit::{
    run_json::sent_an_hour_ago,
    test_env::{FILMS, TestEnv},
};
use gifgen_worker::Answer;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_replaced_in_mid_run_gives_the_new_run_whole_and_the_old_one_no_manifest()
{
    let (env, old) = split_env().await;
    let mut completions = completions(&env);
    let worker = env.worker(&QUICK);
    handle(&worker, &old[0]).await;
    let etag = env.adopt_video(KEY, "d10").await.etag;
    // The old run is still current, but its version can no longer be read.
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
    // It has read its source before the new run begins, and uploads after that is complete.
    let gate = Gate::new(&env);
    let late = env.worker(&with(&QUICK, &[("FFMPEG", &gate.ffmpeg)]));
    let event = old[0].clone();
    let working = tokio::spawn(async move { handle(&late, &event).await });
    gate.reached(&env).await;

    let etag = env.adopt_video(KEY, "d10").await.etag;
    let mut receiver = slices(&env);
    split(&env.splitter(&QUICK), &etag).await;
    let worker = env.worker(&QUICK);
    for event in received(&mut receiver) {
        handle(&worker, &event).await;
    }
    let new = previews(&env).await;
    assert_whole(&env, "").await;
    gate.open();
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

    // Other settings start another run.
    let other = with(&QUICK, &[("FRAME_WIDTH", "64")]);
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
    // Like a second splitter that found no `run.json` and measured slowly.
    let current = run(&env).await;
    let late = Run::new(current.source, current.video, current.settings, None);
    assert!(!ledger(&env).begin(&late, None).await.unwrap());
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
    // The splitter sees no manifest and two unfinished slices, which then succeed.
    let unfinished = ledger.unfinished(&run).await.unwrap();
    assert_eq!(unfinished.len(), 2);
    handle(&worker, &events[1]).await;
    handle(&worker, &events[2]).await;
    ledger.reopen(&run, None, &unfinished).await.unwrap();
    for (job, attempt) in unfinished {
        handle(&worker, &event_of(&run, &job, attempt)).await;
    }
    assert_whole(&env, "").await;
    assert_eq!(all(&mut completions).len(), 1);
}

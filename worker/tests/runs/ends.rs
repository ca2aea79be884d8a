//! How runs end: complete, partial, or repaired.

use gifgen_ledger::{Precondition, Status};
use gifgen_shared::JobId;
use gifgen_testkit::test_env::{FILMS, TestEnv};
use gifgen_worker::Answer;
use serde_json::json;

use crate::support::*;

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
    assert!(track.starts_with(
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nframes/000000.jpg#xywh=0,0,48,36\n"
    ));
    let stills = (previews(&env).await.into_keys()).filter(|key| key.contains("/frames/"));
    assert_eq!(track.matches("-->").count(), stills.count(), "{track}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_that_is_rendered_already_is_not_rendered_again() {
    let (env, events) = split_env().await;
    let worker = env.worker(&QUICK);
    handle(&worker, &events[0]).await;
    let receipt = || async {
        ledger(&env)
            .receipt(&run(&env).await, JobId::Slice(0))
            .await
            .unwrap()
    };
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
    let failed: Vec<_> = partial.failed().map(|(job, _)| job).collect();
    assert_eq!(failed, [JobId::Slice(5)]);
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
    let etag = env.adopt_video(KEY, "d02").await.etag;
    let (mut slices, mut completions) = (slices(&env), completions(&env));
    split(&env.splitter(&QUICK), &etag).await;
    // The splitter has seen its first picture, so only a program that fails is as bad.
    let worker = env.worker(&[&QUICK[..], &[("FFMPEG", "/bin/false")]].concat());
    for event in received(&mut slices) {
        let answer = handle(&worker, &event).await;
        assert!(matches!(answer, Answer::Failed(_)), "{answer:?}");
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
        Answer::Failed(failure) => assert_eq!(failure.reason, "noSlice"),
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
    let mut receipt = ledger
        .receipt(&run, JobId::Slice(0))
        .await
        .unwrap()
        .unwrap();
    let other = run.keys().receipt(run.run, JobId::Slice(5));
    let always = Precondition::Always;
    ledger
        .bucket
        .write(&other, &receipt, &always)
        .await
        .unwrap();
    receipt.objects.clear();
    let own = run.keys().receipt(run.run, JobId::Slice(0));
    ledger.bucket.write(&own, &receipt, &always).await.unwrap();
    delete(&env, "a film.mp4/gifs/000000.gif").await;
    handle(&worker, &events[2]).await;
    assert!(manifest(&env).await.is_none());
    let unfinished = ledger.unfinished(&run).await.unwrap();
    assert_eq!(unfinished.len(), 2);
    for (job, attempt) in unfinished {
        handle(&worker, &event_of(&run, &job, attempt)).await;
    }
    assert_whole(&env, "").await;
}

//! How the overview of a run ends: announced before the run, repaired, or given up.

use gifgen_ledger::{JobFailure, LostTile, Outcome, Outputs, Precondition, Status};
use gifgen_shared::JobId;
use gifgen_testkit::test_env::{FILMS, TestEnv};
use gifgen_worker::Answer;
use serde_json::json;

use crate::support::*;

const SHEET: &str = "a film.mp4/overview/0000.jpg";

#[tokio::test(flavor = "multi_thread")]
async fn an_overview_is_announced_once_and_before_the_run_is_complete() {
    let (env, sheet, events) = split_env_with_overview().await;
    let (mut whole, mut completions) = (overviews(&env), completions(&env));
    let worker = env.worker(&ALL);
    handle(&worker, &sheet).await;
    let told = all(&mut whole);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["key"], KEY);
    assert_eq!(told[0]["run"], 1);
    assert_eq!(told[0]["track"], "a film.mp4/overview.vtt");
    assert!(manifest(&env).await.is_none());
    let stored = previews(&env).await;
    let track = String::from_utf8(stored["a film.mp4/overview.vtt"].clone()).unwrap();
    assert!(
        track.contains("overview/0000.jpg#xywh=0,0,160,120"),
        "{track}"
    );
    assert!(stored.contains_key(SHEET));
    for event in events.iter().chain([&sheet]).chain(&events) {
        handle(&worker, event).await;
    }
    let manifest = assert_whole(&env, "").await;
    assert_eq!(manifest.sheets().len(), 1);
    assert_eq!(all(&mut whole), [] as [serde_json::Value; 0]);
    let completed = all(&mut completions);
    assert_eq!(completed.len(), 1, "{completed:?}");
    assert_eq!(
        (&completed[0]["sheets"], &completed[0]["failedSheets"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_of_the_last_job_completes_the_run_whatever_its_kind() {
    let (env, sheet, events) = split_env_with_overview().await;
    let (mut whole, mut completions) = (overviews(&env), completions(&env));
    let worker = env.worker(&ALL);
    for event in &events {
        handle(&worker, event).await;
    }
    assert!(manifest(&env).await.is_none());
    handle(&worker, &sheet).await;
    assert_whole(&env, "").await;
    assert_eq!((all(&mut whole).len(), all(&mut completions).len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_that_is_given_up_makes_the_run_partial_and_a_late_success_makes_it_whole() {
    let (env, sheet, events) = split_env_with_overview().await;
    let (mut whole, mut completions) = (overviews(&env), completions(&env));
    let worker = env.worker(&ALL);
    for event in &events {
        handle(&worker, event).await;
    }
    let answer = handle(&worker, &given_up(&sheet)).await;
    assert_eq!(json!(answer), json!({"batchItemFailures": []}));
    let partial = manifest(&env).await.unwrap();
    assert_eq!(partial.status, Status::Partial);
    let failed: Vec<_> = partial
        .failed()
        .map(|(job, failure)| (job, failure.reason.as_str()))
        .collect();
    assert_eq!(failed, [(JobId::Overview(0), "retriesExhausted")]);
    assert!(partial.overview.unwrap().track.is_none());
    assert_eq!(all(&mut whole).len(), 0, "there is no whole overview");
    let told = all(&mut completions);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (
            &told[0]["status"],
            &told[0]["failedSheets"],
            &told[0]["failedSlices"]
        ),
        (&json!("partial"), &json!(1), &json!(0))
    );

    handle(&worker, &sheet).await;
    assert_whole(&env, "").await;
    // A failure that comes later than the success is none.
    handle(&worker, &given_up(&sheet)).await;
    assert_whole(&env, "").await;
    assert_eq!(all(&mut whole).len(), 1);
    let told = all(&mut completions);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["status"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overview_whose_sheet_cannot_be_rendered_is_not_announced() {
    let (env, sheet, events) = split_env_with_overview().await;
    let mut whole = overviews(&env);
    let broken = env.worker(&with(&ALL, &[("FFMPEG", "/bin/false")]));
    let answer = handle(&broken, &sheet).await;
    assert!(matches!(answer, Answer::Failed(_)), "{answer:?}");
    for event in &events {
        handle(&env.worker(&ALL), event).await;
    }
    let partial = manifest(&env).await.unwrap();
    let failed: Vec<_> = partial.failed().map(|(job, _)| job).collect();
    assert_eq!(failed, [JobId::Overview(0)]);
    assert_eq!(all(&mut whole).len(), 0);
}

/// A receipt of the sheet that lacks the tile at second 5.
async fn write_lossy_receipt(env: &TestEnv) {
    let (ledger, run) = (ledger(env), run(env).await);
    let job = JobId::Overview(0);
    let mut receipt = ledger.receipt(&run, job).await.unwrap().unwrap();
    let Outcome::Done(Outputs::Sheet(sheet)) = &mut receipt.outcome else {
        panic!("{receipt:?}");
    };
    sheet.tiles.retain(|tile| !(4.5..5.5).contains(&tile.at));
    sheet.lost = vec![LostTile {
        at: 5,
        error: JobFailure {
            reason: "damaged".into(),
            message: "why".into(),
        },
    }];
    let (key, always) = (run.keys().receipt(run.run, job), Precondition::Always);
    ledger.bucket.write(&key, &receipt, &always).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overview_with_a_lost_tile_has_its_tracks_and_event_and_the_run_is_partial() {
    let (env, sheet, events) = split_env_with_overview().await;
    let worker = env.worker(&ALL);
    handle(&worker, &sheet).await;
    write_lossy_receipt(&env).await;
    let (mut whole, mut completions) = (overviews(&env), completions(&env));
    for event in &events {
        handle(&worker, event).await;
    }
    let partial = manifest(&env).await.unwrap();
    assert_eq!(partial.status, Status::Partial);
    assert_eq!(partial.failed().count(), 0);
    let lost: Vec<_> = partial
        .lost()
        .map(|(sheet, tile)| (sheet, tile.at))
        .collect();
    assert_eq!(lost, [(0, 5)]);
    let told = all(&mut whole);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["lost"], 1);
    let told = all(&mut completions);
    assert_eq!(
        (&told[0]["status"], &told[0]["lostTiles"]),
        (&json!("partial"), &json!(1))
    );
    let stored = previews(&env).await;
    let track = String::from_utf8(stored["a film.mp4/overview.vtt"].clone()).unwrap();
    assert!(track.contains("--> 00:00:05.000\n"), "{track}");
    assert!(!track.contains("\n00:00:05.000 -->"), "{track}");

    // A repeated event finds it done. Sent again, it is rendered again, and may be whole.
    handle(&worker, &sheet).await;
    assert_eq!(manifest(&env).await.unwrap().lost().count(), 1);
    let (ledger, run) = (ledger(&env), run(&env).await);
    let unfinished = ledger.unfinished(&run).await.unwrap();
    let jobs: Vec<JobId> = unfinished.iter().map(|(job, _)| job.id()).collect();
    assert_eq!(jobs, [JobId::Overview(0)]);
    let (_, version) = ledger.manifest_of(&run).await.unwrap().unwrap();
    ledger
        .reopen(&run, Some(&version), &unfinished)
        .await
        .unwrap();
    let (job, attempt) = &unfinished[0];
    handle(&worker, &event_of(&run, job, *attempt)).await;
    assert_whole(&env, "").await;
    let told = all(&mut whole);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].get("lost").is_none(), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_worker_renders_a_sheet_again_that_has_vanished() {
    let (env, sheet, events) = split_env_with_overview().await;
    let (mut whole, mut completions) = (overviews(&env), completions(&env));
    let worker = env.worker(&ALL);
    handle(&worker, &sheet).await;
    let before = previews(&env).await[SHEET].clone();
    delete(&env, SHEET).await;
    for event in &events {
        handle(&worker, event).await;
    }
    assert_whole(&env, "").await;
    assert!(previews(&env).await[SHEET] == before);
    assert_eq!((all(&mut whole).len(), all(&mut completions).len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_that_vanished_and_cannot_be_rendered_again_is_named() {
    let (env, sheet, events) = split_env_with_overview().await;
    let worker = env.worker(&ALL);
    handle(&worker, &sheet).await;
    handle(&worker, &events[0]).await;
    handle(&worker, &events[1]).await;
    delete(&env, SHEET).await;
    handle(&worker, &given_up(&events[2])).await;
    let partial = manifest(&env).await.unwrap();
    let failed: Vec<_> = partial
        .failed()
        .map(|(job, failure)| (job, failure.reason.as_str()))
        .collect();
    let expected = [
        (JobId::Overview(0), "objectsMissing"),
        (JobId::Slice(10), "retriesExhausted"),
    ];
    assert_eq!(failed, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_that_is_rendered_already_is_not_rendered_again_unless_it_is_missing() {
    let (env, sheet, _) = split_env_with_overview().await;
    let worker = env.worker(&ALL);
    handle(&worker, &sheet).await;
    let job = JobId::Overview(0);
    let receipt = || async { ledger(&env).receipt(&run(&env).await, job).await.unwrap() };
    let before = receipt().await;
    handle(&worker, &sheet).await;
    assert_eq!(receipt().await, before);
    delete(&env, SHEET).await;
    handle(&worker, &sheet).await;
    assert!(previews(&env).await.contains_key(SHEET));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_of_a_sheet_is_believed_no_further_than_its_objects() {
    let (env, sheet, events) = split_env_with_overview().await;
    let worker = env.worker(&ALL);
    handle(&worker, &sheet).await;
    for event in &events[1..] {
        handle(&worker, event).await;
    }
    let (ledger, run) = (ledger(&env), run(&env).await);
    let receipt = ledger.receipt(&run, JobId::Overview(0)).await.unwrap();
    let receipt = receipt.unwrap();
    let write = async |job: JobId, content: &gifgen_ledger::Receipt| {
        let key = run.keys().receipt(run.run, job);
        let always = Precondition::Always;
        ledger.bucket.write(&key, content, &always).await.unwrap();
    };
    // One that lies in the place of a slice's is none, and so is one that forgets its object.
    write(JobId::Slice(5), &receipt).await;
    let mut forgetful = receipt.clone();
    forgetful.objects.clear();
    write(JobId::Overview(0), &forgetful).await;
    handle(&worker, &events[0]).await;
    assert!(manifest(&env).await.is_none());
    let unfinished = ledger.unfinished(&run).await.unwrap();
    let jobs: Vec<JobId> = unfinished.iter().map(|(job, _)| job.id()).collect();
    assert_eq!(jobs, [JobId::Overview(0), JobId::Slice(5)]);
    for (job, attempt) in unfinished {
        handle(&worker, &event_of(&run, &job, attempt)).await;
    }
    assert_whole(&env, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_a_sheet_that_the_run_does_not_have_is_refused() {
    let (env, mut sheet, _) = split_env_with_overview().await;
    let worker = env.worker(&ALL);
    sheet["detail"]["job"]["index"] = json!(1);
    match handle(&worker, &sheet).await {
        Answer::Failed(failure) => assert_eq!(failure.reason, "noJob"),
        other => panic!("{other:?}"),
    }
    // Of another run of the same version it is nothing.
    sheet["detail"]["job"]["index"] = json!(0);
    sheet["detail"]["run"] = json!(2);
    assert!(matches!(handle(&worker, &sheet).await, Answer::Superseded));
    assert!(previews(&env).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_a_worker_begins_has_no_overview_and_the_splitters_takes_its_slices_over() {
    let (env, _, events) = split_env_with_overview().await;
    delete(&env, "a film.mp4/run.json").await;
    let mut receiver = jobs(&env);
    let worker = env.worker(&ALL);
    for event in &events {
        handle(&worker, event).await;
    }
    let manifest = assert_whole(&env, "").await;
    assert!(manifest.overview.is_none(), "{manifest:?}");

    let objects = env.stack().store().list(FILMS, "").await.unwrap();
    let answer = split(&env.splitter(&ALL), &objects[0].etag).await;
    assert_eq!(answer["sources"][0]["sent"], 1, "{answer}");
    for event in received(&mut receiver) {
        assert!(is_sheet(&event), "{event}");
        handle(&worker, &event).await;
    }
    assert_eq!(assert_whole(&env, "").await.sheets().len(), 1);
}

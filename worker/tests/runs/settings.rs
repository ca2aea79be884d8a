//! Runs of the same video with other settings: what they take over, and what they remove.

use std::collections::BTreeMap;

use aws_sdk_s3::config::retry::RetryConfig;
use futures::{StreamExt, stream};
use gifgen_shared::{Deadline, JobId};
use gifgen_splitter::Splitter;
use gifgen_testkit::{
    clients,
    events::object_created,
    fault_proxy::{FaultProxy, Stop},
    media, run_json,
    test_env::{FILMS, PREVIEWS, TestEnv, settings},
};
use gifgen_worker::Answer;
use serde_json::Value;

use crate::support::*;

type Settings<'a> = [(&'a str, &'a str)];

/// Splits the video with these settings, and has all jobs done. Returns the events.
async fn run_with(env: &TestEnv, settings: &Settings<'_>) -> Vec<Value> {
    let events = split_with(env, settings).await;
    // Of the settings of the worker nothing depends.
    let worker = env.worker(&ALL);
    for event in &events {
        let answer = handle(&worker, event).await;
        assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    }
    events
}

/// Splits the video with these settings, and returns the events.
async fn split_with(env: &TestEnv, settings: &Settings<'_>) -> Vec<Value> {
    let mut receiver = jobs(env);
    split(&env.splitter(settings), &etag(env).await).await;
    received(&mut receiver)
}

/// The version of the video.
async fn etag(env: &TestEnv) -> String {
    let objects = env.stack().store().list(FILMS, KEY).await.unwrap();
    objects[0].etag.clone()
}

/// An environment with a complete run of the video with [`ALL`] settings, and the ETags of its previews.
async fn done() -> (TestEnv, BTreeMap<String, String>) {
    done_with(&ALL).await
}

async fn done_with(settings: &Settings<'_>) -> (TestEnv, BTreeMap<String, String>) {
    let env = TestEnv::start().await;
    env.adopt_video(KEY, "d03").await;
    run_with(&env, settings).await;
    assert_whole(&env, "the first run").await;
    let before = etags(&env).await;
    (env, before)
}

/// The previews of a run with these settings alone.
async fn alone(settings: &Settings<'_>) -> BTreeMap<String, Vec<u8>> {
    let (env, _) = done_with(settings).await;
    previews(&env).await
}

/// Those of `objects` that lie in one of these folders of the video.
fn inside(objects: &BTreeMap<String, String>, folders: &[&str]) -> BTreeMap<String, String> {
    let is_inside = |key: &str| {
        folders
            .iter()
            .any(|folder| key.starts_with(&format!("{KEY}/{folder}/")))
    };
    let objects = objects.iter().filter(|(key, _)| is_inside(key));
    objects
        .map(|(key, etag)| (key.clone(), etag.clone()))
        .collect()
}

const OF_SLICES: [&str; 3] = ["gifs", "frames", "storyboards"];

fn count(objects: &BTreeMap<String, String>, folder: &str) -> usize {
    inside(objects, &[folder]).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_width_of_the_overview_renders_the_overview_and_sends_no_slice() {
    let (env, before) = done().await;
    let (mut whole, mut completions) = (overviews(&env), completions(&env));
    let wider = with(&ALL, &[("OVERVIEW_WIDTH", "240")]);
    let events = run_with(&env, &wider).await;
    assert!(events.iter().all(is_sheet), "{events:?}");
    assert_eq!(events.len(), 1);
    let manifest = assert_whole(&env, "").await;
    assert_eq!((manifest.run, manifest.slices.len()), (2, 3));
    let sheet = manifest.sheets()[0].outcome.sheet().unwrap();
    assert_eq!(sheet.sheet.as_ref().unwrap().tile_width, 240);
    // The objects of the slices are the very same.
    let after = etags(&env).await;
    assert_eq!(inside(&after, &OF_SLICES), inside(&before, &OF_SLICES));
    assert!(inside(&after, &OF_SLICES).len() > 15);
    assert_ne!(
        inside(&after, &["overview"]),
        inside(&before, &["overview"])
    );
    assert_eq!((all(&mut whole).len(), all(&mut completions).len()), (1, 1));
    assert!(previews(&env).await == alone(&wider).await);
    // Their work was that of the other run.
    let receipts = ledger(&env).receipts(&run(&env).await).await.unwrap();
    assert_eq!(receipts[&JobId::Slice(0)].taken_from, Some(1));
    assert_eq!(manifest.totals.slowest_slices, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_width_of_the_gifs_renders_slices_only() {
    let (env, before) = done().await;
    let (mut whole, mut completions) = (overviews(&env), completions(&env));
    let wider = with(&ALL, &[("GIF_WIDTH", "64")]);
    let events = run_with(&env, &wider).await;
    // One sheet is sent, whose worker finds it done and announces the overview.
    let sheets = events.iter().filter(|event| is_sheet(event)).count();
    assert_eq!((events.len(), sheets), (4, 1), "{events:?}");
    assert!(is_sheet(&events[0]));
    assert_whole(&env, "").await;
    let after = etags(&env).await;
    assert_eq!(
        inside(&after, &["overview"]),
        inside(&before, &["overview"])
    );
    // Its run has an overview, which is announced.
    assert_eq!((all(&mut whole).len(), all(&mut completions).len()), (1, 1));
    assert!(previews(&env).await == alone(&wider).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tracks_render_nothing_and_take_one_event() {
    let (env, before) = done().await;
    let mut completions = completions(&env);
    let other = with(&ALL, &[("TRACKS", "vtt,hls,jellyfin")]);
    assert_eq!(run_with(&env, &other).await.len(), 1);
    assert_whole(&env, "").await;
    let after = etags(&env).await;
    let folders = ["gifs", "frames", "storyboards", "overview"];
    assert_eq!(inside(&after, &folders), inside(&before, &folders));
    assert!(previews(&env).await == alone(&other).await);
    assert_eq!(all(&mut completions).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_new_settings_do_not_want_is_removed() {
    let (env, before) = done().await;
    assert_eq!((count(&before, "frames"), count(&before, "gifs")), (16, 3));
    run_with(&env, &with(&ALL, &[("FRAMES", "none")])).await;
    assert_whole(&env, "").await;
    let after = etags(&env).await;
    assert_eq!(
        (count(&after, "frames"), count(&after, "storyboards")),
        (0, 0)
    );
    assert_eq!((count(&after, "gifs"), count(&after, "overview")), (3, 1));
    assert!(!after.contains_key("a film.mp4/storyboard.vtt"));

    run_with(&env, &with(&QUICK, &[("FRAMES", "storyboard")])).await;
    assert_whole(&env, "").await;
    let after = etags(&env).await;
    let folders: Vec<usize> = ["storyboards", "overview", "tracks"]
        .map(|folder| count(&after, folder))
        .into();
    assert_eq!(folders, [3, 0, 0]);
    assert!(!after.contains_key("a film.mp4/overview.vtt"));
    assert!(after.contains_key("a film.mp4/storyboard.vtt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_new_settings_do_not_want_stays_if_that_is_wished() {
    let (env, before) = done().await;
    run_with(
        &env,
        &with(
            &ALL,
            &[
                ("FRAMES", "none"),
                ("OVERVIEW", "none"),
                ("KEEP_OLD", "true"),
            ],
        ),
    )
    .await;
    assert_whole(&env, "").await;
    let after = etags(&env).await;
    assert!(after.keys().eq(before.keys()));
    let kept = ["frames", "storyboards", "overview", "tracks"];
    assert_eq!(inside(&after, &kept), inside(&before, &kept));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_film_that_is_replaced_by_a_shorter_one_nothing_is_left() {
    let env = TestEnv::start().await;
    env.adopt(KEY, &media::tiny(110, env.directory())).await;
    let settings = with(&ALL, &[("SLICE_SECONDS", "60")]);
    run_with(&env, &settings).await;
    let before = etags(&env).await;
    assert_eq!(
        (count(&before, "frames"), count(&before, "overview")),
        (110, 2)
    );
    env.adopt(KEY, &media::tiny(7, env.directory())).await;
    run_with(&env, &settings).await;
    assert_whole(&env, "").await;
    let after = etags(&env).await;
    let left = ["frames", "gifs", "storyboards", "overview"].map(|folder| count(&after, folder));
    assert_eq!(left, [7, 1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_other_videos_below_the_folders_are_never_removed() {
    let (env, _) = done().await;
    let mut others = Vec::new();
    for video in [
        "gifs",
        "frames",
        "overview",
        "tracks",
        "tracks/hls",
        "tracks/jellyfin",
        "tracks/jellyfin/160 - 10x10",
    ] {
        for object in [
            "gifs/000000.gif",
            "frames/000000.jpg",
            "storyboards/000000.jpg",
            "overview/0000.jpg",
            "tracks/hls/0.jpg",
            "tracks/json/overview.json",
            "tracks/jellyfin/160 - 10x10/0.jpg",
            "receipts/1/000000.json",
            "receipts/1/overview.json",
            "receipts/1/index",
            "run.json",
            "manifest.json",
            "storyboard.vtt",
            "overview.vtt",
        ] {
            others.push(format!("{KEY}/{video}/{object}"));
        }
    }
    // And what is no preview at all, or of a video whose name begins as this one's.
    others.extend(
        ["gifs/cat.gif", "frames/poster.jpg", "tracks/notes.txt"]
            .map(|name| format!("{KEY}/{name}")),
    );
    others.push(format!("{KEY}.mov/frames/000000.jpg"));
    for key in &others {
        let put = env.s3().put_object().bucket(PREVIEWS).key(key);
        put.body(key.clone().into_bytes().into())
            .send()
            .await
            .unwrap();
    }
    let few = with(&QUICK, &[("FRAMES", "none")]);
    run_with(&env, &few).await;
    let stored = env.stack().store().list(PREVIEWS, "").await.unwrap();
    let stored: Vec<String> = stored.into_iter().map(|object| object.key).collect();
    let removed: Vec<&String> = others.iter().filter(|key| !stored.contains(key)).collect();
    assert_eq!(removed, [] as [&String; 0]);
    assert!(!stored.contains(&format!("{KEY}/frames/000000.jpg")));
    assert!(!stored.contains(&format!("{KEY}/overview/0000.jpg")));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_slices_that_failed_only_what_this_run_has_written_stays() {
    let (env, _) = done().await;
    let worker = env.worker(&ALL);
    let settings = with(&ALL, &[("FRAMES", "each"), ("GIF_WIDTH", "64")]);
    let events = split_with(&env, &settings).await;
    let (sheet, events) = events.split_first().unwrap();
    handle(&worker, sheet).await;
    handle(&worker, &events[0]).await;
    // A worker is about to write its receipt when its event is given up.
    handle(&worker, &events[1]).await;
    delete(&env, "a film.mp4/receipts/2/000005.json").await;
    handle(&worker, &given_up(&events[1])).await;
    let before = etags(&env).await;
    handle(&worker, &given_up(&events[2])).await;
    assert_eq!(manifest(&env).await.unwrap().failed().count(), 2);
    let after = etags(&env).await;
    for name in ["gifs/000005.gif", "frames/000005.jpg", "frames/000009.jpg"] {
        let key = format!("{KEY}/{name}");
        assert_eq!(after.get(&key), before.get(&key), "{name}");
    }
    for name in [
        "gifs/000010.gif",
        "frames/000010.jpg",
        "storyboards/000005.jpg",
    ] {
        let key = format!("{KEY}/{name}");
        assert!(
            before.contains_key(&key) && !after.contains_key(&key),
            "{name}"
        );
    }
    handle(&worker, &events[1]).await;
    handle(&worker, &events[2]).await;
    assert_whole(&env, "").await;
    assert!(previews(&env).await == alone(&settings).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_worker_of_the_old_settings_changes_nothing() {
    let env = TestEnv::start().await;
    env.adopt_video(KEY, "d03").await;
    let old = split_with(&env, &ALL).await;
    let gate = Gate::new(&env);
    let settings = with(&ALL, &[("FFMPEG", &gate.ffmpeg)]);
    let late: Vec<_> = [&old[0], &old[1]]
        .map(|event| {
            let (late, event) = (env.worker(&settings), event.clone());
            tokio::spawn(async move { handle(&late, &event).await })
        })
        .into();
    gate.reached(&env).await;
    for event in &old[2..] {
        handle(&env.worker(&ALL), event).await;
    }
    let events = run_with(&env, &with(&ALL, &[("OVERVIEW_WIDTH", "240")])).await;
    // The late slice has no receipt to be taken over.
    assert_eq!(events.len(), 2, "{events:?}");
    assert_whole(&env, "").await;
    let before = etags(&env).await;
    gate.open();
    for worker in late {
        let answer = worker.await.unwrap();
        assert!(matches!(answer, Answer::Superseded), "{answer:?}");
    }
    assert_whole(&env, "").await;
    assert_eq!(etags(&env).await, before);
    // Neither do events of the old run that come again, nor messages that they were given up.
    for event in &old {
        handle(&env.worker(&ALL), event).await;
        handle(&env.worker(&ALL), &given_up(event)).await;
    }
    assert_whole(&env, "").await;
    assert_eq!(etags(&env).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_splitters_at_once_begin_one_run_and_send_no_slice() {
    let (env, _) = done().await;
    let wider = with(&ALL, &[("OVERVIEW_WIDTH", "240")]);
    let mut completions = completions(&env);
    let mut receiver = jobs(&env);
    let etag = etag(&env).await;
    let (one, other) = (env.splitter(&wider), env.splitter(&wider));
    tokio::join!(split(&one, &etag), split(&other, &etag));
    let events = received(&mut receiver);
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(is_sheet(&events[0]));
    handle(&env.worker(&ALL), &events[0]).await;
    assert_eq!(assert_whole(&env, "").await.run, 2);
    assert_eq!(all(&mut completions).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_change_and_change_back_give_the_same_previews() {
    let (env, before) = done().await;
    let first = previews(&env).await;
    let wider = with(&ALL, &[("OVERVIEW_WIDTH", "240"), ("GIF_FPS", "1")]);
    run_with(&env, &wider).await;
    assert_whole(&env, "").await;
    assert!(previews(&env).await == alone(&wider).await);
    run_with(&env, &ALL).await;
    assert_eq!(assert_whole(&env, "").await.run, 3);
    assert!(previews(&env).await == first);
    // What both do not concern is the first run's, through all.
    run_with(&env, &with(&ALL, &[("OVERVIEW_WIDTH", "64")])).await;
    run_with(&env, &ALL).await;
    assert_eq!(assert_whole(&env, "").await.run, 5);
    let receipts = ledger(&env).receipts(&run(&env).await).await.unwrap();
    assert_eq!(receipts[&JobId::Slice(0)].taken_from, Some(3));
    assert!(etags(&env).await.keys().eq(before.keys()));
    assert!(previews(&env).await == first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_of_the_earlier_run_is_rendered() {
    let (env, _) = done().await;
    delete(&env, "a film.mp4/frames/000007.jpg").await;
    let wider = with(&ALL, &[("OVERVIEW_WIDTH", "240")]);
    let events = run_with(&env, &wider).await;
    let slices: Vec<_> = events.iter().filter(|event| !is_sheet(event)).collect();
    assert_eq!(slices.len(), 1);
    assert_eq!(slices[0]["detail"]["start"], 5);
    assert_whole(&env, "").await;
    assert!(previews(&env).await == alone(&wider).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_not_ended_is_taken_over_as_far_as_it_has_come() {
    let env = TestEnv::start().await;
    env.adopt_video(KEY, "d03").await;
    let events = split_with(&env, &ALL).await;
    let worker = env.worker(&ALL);
    handle(&worker, &events[2]).await;
    handle(&worker, &given_up(&events[3])).await;
    let wider = with(&ALL, &[("OVERVIEW_WIDTH", "240")]);
    let events = run_with(&env, &wider).await;
    let starts: Vec<&Value> = events[1..]
        .iter()
        .map(|event| &event["detail"]["start"])
        .collect();
    assert_eq!(starts, [0, 10]);
    assert_whole(&env, "").await;
    assert!(previews(&env).await == alone(&wider).await);
}

/// A splitter that takes a run over stops after `steps` requests, and another one goes on an hour later. Whether it
/// stopped at all.
async fn stopped_after(steps: usize) -> bool {
    let what = format!("stopped after {steps} requests");
    let env = TestEnv::start().await;
    env.adopt(KEY, &media::tiny(7, env.directory())).await;
    run_with(&env, &ALL).await;
    let wider = with(&ALL, &[("OVERVIEW_WIDTH", "240")]);
    let mut completions = completions(&env);
    let mut receiver = jobs(&env);
    let created = object_created(FILMS, KEY, &etag(&env).await);

    let stop = Stop::after(steps, false);
    let stack = env.stack();
    let s3 = FaultProxy::stopping(&stack.s3_endpoint(), stop.clone()).await;
    let bus = FaultProxy::stopping(&stack.eventbridge_endpoint(), stop.clone()).await;
    let credentials = stack.credentials();
    let (id, secret) = (&credentials.access_key_id, &credentials.secret_access_key);
    let never = RetryConfig::disabled();
    let s3_config = clients::s3(&s3.endpoint(), id, secret)
        .config()
        .to_builder();
    let bus_config = clients::event_bridge(&bus.endpoint(), id, secret)
        .config()
        .to_builder();
    let mortal = Splitter::new(
        aws_sdk_s3::Client::from_conf(s3_config.retry_config(never.clone()).build()),
        aws_sdk_eventbridge::Client::from_conf(bus_config.retry_config(never).build()),
        settings(&wider),
    );
    let ended = mortal
        .unwrap()
        .handle(&created, Deadline::after(MINUTE))
        .await;
    let stopped = stop.seen() > steps;
    assert!(ended.is_ok() || stopped, "{what}: {ended:?}");
    run_json::change(env.s3(), KEY, |run| {
        for time in ["sending", "sent"] {
            if run[time].is_string() {
                run[time] = run_json::an_hour_ago();
            }
        }
    })
    .await;
    split(&env.splitter(&wider), &etag(&env).await).await;
    let worker = env.worker(&ALL);
    for event in received(&mut receiver) {
        handle(&worker, &event).await;
    }
    let manifest = assert_whole(&env, &what).await;
    assert_eq!(manifest.settings.overview_width, 240, "{what}");
    assert_eq!(all(&mut completions).len(), 1, "{what}");
    stopped
}

#[tokio::test(flavor = "multi_thread")]
async fn a_splitter_that_stops_anywhere_while_it_takes_over_is_followed_by_another() {
    let stopped: Vec<bool> = stream::iter((0..48).map(stopped_after))
        .buffer_unordered(4)
        .collect()
        .await;
    let stops = stopped.iter().filter(|stopped| **stopped).count();
    println!("{stops} stops");
    // The last cases are behind the end of the work.
    assert!((10..46).contains(&stops), "{stops} stops");
}

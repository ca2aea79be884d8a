//! Slices that are read as excerpts give the same bytes as slices that FFmpeg seeks for itself.

use std::{collections::BTreeMap, time::Duration};

use gifgen_ledger::{Ledger, Outcome, Receipt};
use gifgen_shared::{Deadline, JobId, SourceKey};
use gifgen_testkit::{
    events::object_created,
    media::{Expect, Medium, manifest},
    test_env::{FILMS, PREVIEWS, TestEnv, invocation},
};
use serde_json::Value;

const MINUTE: Duration = Duration::from_secs(60);

const KEY: &str = "film";

/// What became of all slices of a video, and its previews by their names.
struct Previews {
    receipts: Vec<Receipt>,
    objects: BTreeMap<String, Vec<u8>>,
}

/// Renders all slices of a video, by the events as they are or without what they say of excerpts.
async fn render(medium: &Medium, seconds: &str, with_excerpts: bool) -> Previews {
    let look = [
        ("SLICE_SECONDS", seconds),
        ("FRAME_WIDTH", "320"),
        ("FRAMES", "each"),
        ("OVERVIEW", "none"),
    ];
    let env = TestEnv::start().await;
    let mut events = env.our_events();
    let etag = env.adopt_video(KEY, &medium.file).await.etag;
    let created = object_created(FILMS, KEY, &etag);
    let deadline = Deadline::after(MINUTE);
    env.splitter(&look)
        .handle(&created, deadline)
        .await
        .unwrap();
    let worker = env.worker(&look);
    while let Ok(mut event) = events.try_recv() {
        if event["detail-type"] == "newVideoCreated" {
            let detail: &mut Value = &mut event["detail"];
            if !with_excerpts {
                detail.as_object_mut().unwrap().remove("excerpt");
            }
            worker.handle(&event, &invocation(MINUTE)).await.unwrap();
        }
    }
    let store = env.stack().store();
    let mut objects = BTreeMap::new();
    for object in store.list(PREVIEWS, "").await.unwrap() {
        if object.key.contains("/gifs/") || object.key.contains("/frames/") {
            let get = env.s3().get_object().bucket(PREVIEWS).key(&object.key);
            let body = get.send().await.unwrap().body.collect().await.unwrap();
            objects.insert(object.key, body.to_vec());
        }
    }
    let ledger = Ledger::new(env.s3().clone(), PREVIEWS, env.bus().clone(), "default");
    let key = SourceKey::plain(KEY).unwrap();
    let mut receipts = Vec::new();
    if let Some((run, _)) = ledger.current_run(&key).await.unwrap() {
        for slice in run.plan() {
            let name = run.keys().receipt(run.run, JobId::Slice(slice.start));
            let (receipt, _) = ledger.bucket.read::<Receipt>(&name).await.unwrap().unwrap();
            receipts.push(receipt);
        }
    }
    Previews { receipts, objects }
}

/// Why no slice of this file has an excerpt, if that is so.
fn has_no_index(medium: &Medium) -> bool {
    let name = medium.file.as_str();
    // FLV, AVI and GIF have none of ours.
    [".flv", ".avi", ".gif"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

async fn excerpts_change_nothing(seconds: &'static str, longest: f64) {
    let media = manifest();
    let mut wrong = Vec::new();
    let is_wanted = |medium: &&Medium| {
        medium.expect == Expect::Gif && medium.video_span_s.unwrap_or_default() <= longest
    };
    for medium in media.iter().filter(is_wanted) {
        let (with, without) = tokio::join!(
            render(medium, seconds, true),
            render(medium, seconds, false)
        );
        assert!(!without.receipts.is_empty(), "{}", medium.file);
        let file = &medium.file;
        let by_excerpt = |previews: &Previews| {
            let ways = previews
                .receipts
                .iter()
                .map(|receipt| receipt.work.by_excerpt);
            ways.filter(|way| *way == Some(true)).count()
        };
        assert_eq!(by_excerpt(&without), 0, "{file}");
        if !has_no_index(medium) && by_excerpt(&with) < with.receipts.len() {
            let count = with.receipts.len() - by_excerpt(&with);
            wrong.push(format!(
                "{file}: {count} slices of {} not by excerpt",
                with.receipts.len()
            ));
        }
        let failed = |previews: &Previews| {
            let outcomes = previews.receipts.iter().map(|receipt| &receipt.outcome);
            outcomes
                .filter(|outcome| matches!(outcome, Outcome::Failed { .. }))
                .count()
        };
        if failed(&with) != failed(&without) {
            wrong.push(format!("{file}: other slices fail"));
        }
        let names = |previews: &Previews| previews.objects.keys().cloned().collect::<Vec<_>>();
        if names(&with) != names(&without) {
            wrong.push(format!("{file}: other objects"));
        }
        for (name, bytes) in &with.objects {
            if without.objects.get(name) != Some(bytes) {
                wrong.push(format!("{file}: {name} differs"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn slices_of_thirty_seconds_are_the_same_with_and_without_excerpts() {
    excerpts_change_nothing("30", f64::INFINITY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_slices_are_the_same_with_and_without_excerpts() {
    excerpts_change_nothing("3", 60.0).await;
}

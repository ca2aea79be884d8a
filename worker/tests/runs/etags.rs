//! ETags that are another at each write: what tells that objects are the same, and what that must not
//! be taken for.

use std::fs;

use gifgen_ledger::{Run, Sha256};
use gifgen_shared::JobId;
use gifgen_stack::ETags;
use gifgen_testkit::test_env::{PREVIEWS, TestEnv};
use gifgen_worker::Answer;
use serde_json::{Value, json};

use crate::support::*;

/// An environment with such ETags, on which the video, of 15 seconds, has been split; and the events of its three
/// slices.
async fn opaque_env() -> (TestEnv, Vec<Value>) {
    let env = TestEnv::start_with(ETags::Opaque).await;
    let etag = env.adopt_video(KEY, "d03").await.etag;
    let mut receiver = slices(&env);
    split(&env.splitter(&QUICK), &etag).await;
    let events = received(&mut receiver);
    assert_eq!(events.len(), 3);
    (env, events)
}

/// Each object that a receipt names, with whether the one that is there is of that version or has
/// the same checksum. Read without any code of ours.
async fn claims(env: &TestEnv) -> Vec<(String, bool)> {
    let objects = env.stack().store().list(PREVIEWS, "").await.unwrap();
    let mut claims = Vec::new();
    for receipt in objects.iter().filter(|o| o.key.contains("/receipts/")) {
        let receipt = fs::read(&receipt.body).unwrap();
        let receipt: Value = serde_json::from_slice(&receipt).unwrap();
        for claim in receipt["objects"].as_array().unwrap() {
            let key = claim["key"].as_str().unwrap();
            let there = objects.iter().find(|object| object.key == key).unwrap();
            let etag = claim["etag"].as_str().unwrap().trim_matches('"');
            let sum = there.checksums.get("sha256").map(String::as_str);
            let same = there.etag == etag || sum.is_some() && sum == claim["sha256"].as_str();
            claims.push((key.to_owned(), same));
        }
    }
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_on_one_slice_at_once_leave_a_true_receipt_whatever_etags_are() {
    // They meet at their uploads in about half of the slices.
    for _ in 0..4 {
        let (env, events) = opaque_env().await;
        let (one, other) = (env.worker(&QUICK), env.worker(&QUICK));
        let mut completions = completions(&env);
        for event in events {
            let (one, other) = tokio::join!(handle(&one, &event), handle(&other, &event));
            assert!(matches!(one, Answer::Done(_)), "{one:?}");
            assert!(matches!(other, Answer::Done(_)), "{other:?}");
        }
        let false_ones: Vec<_> = (claims(&env).await.into_iter())
            .filter(|(_, same)| !same)
            .collect();
        assert_eq!(false_ones, []);
        assert_whole(&env, "").await;
        assert_eq!(all(&mut completions).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_another_version_with_the_same_bytes_is_as_its_receipt_says() {
    let (env, events) = opaque_env().await;
    let worker = env.worker(&QUICK);
    handle(&worker, &events[0]).await;
    handle(&worker, &events[1]).await;
    let key = "a film.mp4/frames/000003.jpg";
    let before = previews(&env).await[key].clone();
    let write = async |bytes: Vec<u8>| {
        let put = env.s3().put_object().bucket(PREVIEWS).key(key);
        let put = put.checksum_sha256(Sha256::of(&bytes).as_str());
        put.body(bytes.into()).send().await.unwrap();
    };
    let unfinished = async || {
        let slices = ledger(&env).unfinished(&run(&env).await).await;
        slices.unwrap().len()
    };
    write(before.clone()).await;
    assert_eq!(unfinished().await, 1);
    // Another one of the same size is not.
    let mut other = before;
    *other.last_mut().unwrap() ^= 1;
    write(other).await;
    assert_eq!(unfinished().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_adopts_what_its_run_has_written_and_nothing_of_an_earlier_run() {
    let (env, events) = opaque_env().await;
    let worker = env.worker(&QUICK);
    for event in &events {
        handle(&worker, event).await;
    }
    let first = etags(&env).await;
    // As a duplicate that comes before the receipt is written.
    let (ledger, before) = (ledger(&env), run(&env).await);
    let receipt = before.keys().receipt(before.run, JobId::Slice(0));
    let delete = env.s3().delete_object().bucket(PREVIEWS).key(receipt);
    delete.send().await.unwrap();
    handle(&worker, &events[0]).await;
    assert_eq!(etags(&env).await, first, "all is adopted");

    // A late worker of an earlier run may hold the versions of the earlier objects.
    let source = before.source.clone();
    let again = Run::new(source, before.video, before.settings, Some(&before));
    let read = ledger.current_run(&before.source.key).await.unwrap();
    assert!(ledger.begin(&again, read.as_ref()).await.unwrap());
    for slice in again.plan() {
        handle(&worker, &json!(again.event(&slice, 1, None))).await;
    }
    assert_whole(&env, "").await;
    let second = etags(&env).await;
    assert!(second.keys().eq(first.keys()));
    for (key, etag) in &second {
        assert_ne!(*etag, first[key], "{key} is an earlier run's");
    }
}

//! The splitter against moto's S3 and EventBridge. A rule there delivers our events to a queue.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{RestoreRequest, StorageClass},
};
use gifgen_shared::Deadline;
use gifgen_splitter::Splitter;
use gifgen_testkit::{
    events::{notification_record, object_created, object_restored, s3_notification},
    keys, media,
    moto::Moto,
    run_json::sent_an_hour_ago,
    test_env::{FILMS, settings},
};
use serde_json::{Value, json};

fn splitter(moto: &Moto) -> Splitter {
    Splitter::new(
        moto.s3().clone(),
        moto.bus().clone(),
        settings(&[("OVERVIEW", "none")]),
    )
    .unwrap()
}

async fn handle(splitter: &Splitter, event: &Value) -> Value {
    let deadline = Deadline::after(Duration::from_secs(120));
    json!(splitter.handle(event, deadline).await.unwrap())
}

#[tokio::test]
async fn awkward_keys_of_both_event_shapes_reach_the_slice_events_unchanged() {
    let moto = Moto::start().await;
    let events = moto.our_events().await;
    let splitter = splitter(&moto);
    let mut objects = BTreeMap::new();
    for (_, key) in keys::awkward() {
        let etag = moto.upload_video(&key, "d06").await;
        objects.insert(key, etag);
    }
    let wanted: Vec<(&str, &str)> = objects
        .iter()
        .map(|(key, etag)| (key.as_str(), etag.as_str()))
        .collect();

    let told: Vec<_> = wanted
        .iter()
        .map(|(key, etag)| (FILMS, *key, *etag))
        .collect();
    let answer = handle(&splitter, &s3_notification(&told)).await;
    assert_eq!(statuses(&answer), vec!["split"; wanted.len()], "{answer}");
    assert_eq!(
        sources_of(&events.take().await),
        owned(&wanted),
        "S3 notification"
    );

    for (key, etag) in &wanted {
        sent_an_hour_ago(moto.s3(), key).await;
        let answer = handle(&splitter, &object_created(FILMS, key, etag)).await;
        assert_eq!(statuses(&answer), ["split"], "{answer}");
    }
    assert_eq!(
        sources_of(&events.take().await),
        owned(&wanted),
        "Object Created"
    );
}

#[tokio::test]
async fn an_event_for_a_replaced_or_deleted_source_is_ignored() {
    let moto = Moto::start().await;
    let events = moto.our_events().await;
    let splitter = splitter(&moto);
    let old = moto.upload_video("a.mp4", "d05").await;
    let new = moto.upload_video("a.mp4", "d06").await;
    let gone = moto.upload_video("b.mp4", "d06").await;
    let delete = moto.s3().delete_object().bucket(FILMS).key("b.mp4");
    delete.send().await.unwrap();

    let told = [
        (FILMS, "a.mp4", &*old),
        (FILMS, "b.mp4", &gone),
        (FILMS, "a.mp4", &new),
    ];
    let answer = handle(&splitter, &s3_notification(&told)).await;
    assert_eq!(
        statuses(&answer),
        ["ignored", "ignored", "split"],
        "{answer}"
    );
    assert!(
        answer["sources"][0]["message"]
            .as_str()
            .unwrap()
            .contains("replaced")
    );
    assert!(
        answer["sources"][1]["message"]
            .as_str()
            .unwrap()
            .contains("deleted")
    );
    assert_eq!(sources_of(&events.take().await), owned(&[("a.mp4", &new)]));
}

#[tokio::test]
async fn an_archived_video_is_rejected_at_once_and_gets_its_previews_when_it_is_restored() {
    let moto = Moto::start().await;
    let events = moto.our_events().await;
    let splitter = splitter(&moto);
    let film = ByteStream::from_path(media::video("d06")).await.unwrap();
    let put = moto.s3().put_object().bucket(FILMS).key("a.mp4").body(film);
    let put = put.storage_class(StorageClass::Glacier).send().await;
    let etag = put.unwrap().e_tag.unwrap();
    let created = object_created(FILMS, "a.mp4", &etag);
    let answer = handle(&splitter, &created).await;
    assert_eq!(statuses(&answer), ["rejected"], "{answer}");
    let sent = events.take().await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0]["detail-type"], "videoRejected");
    let detail = &sent[0]["detail"];
    assert_eq!(
        (&detail["reason"], &detail["etag"]),
        (&json!("archived"), &json!(etag))
    );
    assert!(
        detail["message"]
            .as_str()
            .unwrap()
            .contains("restore-object"),
        "{detail}"
    );

    let wanted = RestoreRequest::builder().days(1).build();
    let restore = moto.s3().restore_object().bucket(FILMS).key("a.mp4");
    restore.restore_request(wanted).send().await.unwrap();
    let restored = object_restored(FILMS, "a.mp4", &etag);
    let answer = handle(&splitter, &restored).await;
    assert_eq!(statuses(&answer), ["split"], "{answer}");
    assert_eq!(sources_of(&events.take().await), owned(&[("a.mp4", &etag)]));
}

#[tokio::test]
async fn what_gives_no_previews_is_rejected_with_its_reason() {
    let moto = Moto::start().await;
    let events = moto.our_events().await;
    let mut told = Vec::new();
    let mut wanted = BTreeMap::new();
    for (name, reason) in [
        ("d30", "noVideoStream"),
        ("d29", "noVideoStream"),
        ("d31", "unreadable"),
        ("d38", "notAVideo"),
        ("d39", "notAVideo"),
        ("d41", "notAVideo"),
    ] {
        told.push((name, moto.upload_video(name, name).await));
        wanted.insert(name.to_owned(), reason.to_owned());
    }
    let empty = tempfile::NamedTempFile::new().unwrap();
    told.push(("empty", moto.upload("empty", empty.path()).await));
    wanted.insert("empty".into(), "emptyVideo".into());

    let objects: Vec<_> = told
        .iter()
        .map(|(key, etag)| (FILMS, *key, etag.as_str()))
        .collect();
    let answer = handle(&splitter(&moto), &s3_notification(&objects)).await;
    assert_eq!(
        statuses(&answer),
        vec!["rejected"; objects.len()],
        "{answer}"
    );

    let sent = events.take().await;
    assert_eq!(sent.len(), objects.len());
    for (key, etag) in &told {
        let event = sent
            .iter()
            .find(|event| event["detail"]["key"] == *key)
            .unwrap();
        assert_eq!(event["detail-type"], "videoRejected");
        let detail = &event["detail"];
        assert_eq!(detail["bucket"], FILMS);
        assert_eq!(detail["etag"], *etag);
        assert_eq!(detail["reason"], wanted[*key], "{key}: {detail}");
        assert!(
            detail["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
        );
    }
}

#[tokio::test]
async fn a_bad_record_leaves_the_others_of_its_event_alone() {
    let moto = Moto::start().await;
    let events = moto.our_events().await;
    let etag = moto.upload_video("good film.mp4", "d06").await;
    let too_long = "k".repeat(1020);
    let event = json!({"Records": [
        notification_record(FILMS, "%FF%FE.mp4", &etag),
        notification_record(FILMS, &too_long, &etag),
        notification_record(FILMS, "never+there.mp4", &etag),
        notification_record(FILMS, "good+film.mp4", &etag),
    ]});
    let answer = handle(&splitter(&moto), &event).await;
    let outcomes = ["rejected", "rejected", "ignored", "split"];
    assert_eq!(statuses(&answer), outcomes, "{answer}");
    let sent = events.take().await;
    let of = |kind| {
        sent.iter()
            .filter(move |event| event["detail-type"] == kind)
    };
    assert_eq!(of("newVideoCreated").count(), 1);
    let rejected: Vec<_> = of("videoRejected").map(|event| &event["detail"]).collect();
    assert_eq!(rejected.len(), 2);
    assert!(rejected.iter().any(|detail| detail["key"] == "%FF%FE.mp4"));
    assert!(rejected.iter().any(|detail| detail["key"] == *too_long));
}

fn statuses(answer: &Value) -> Vec<&str> {
    let sources = answer["sources"].as_array().unwrap();
    sources
        .iter()
        .map(|s| s["status"].as_str().unwrap())
        .collect()
}

/// Keys and ETags of the slice events, sorted. Checks that all have one bucket and one slice.
fn sources_of(events: &[Value]) -> Vec<(String, String)> {
    let mut sources: Vec<_> = events
        .iter()
        .map(|event| {
            assert_eq!(event["detail-type"], "newVideoCreated", "{event}");
            let detail = &event["detail"];
            assert_eq!(detail["bucket"], FILMS);
            assert_eq!((&detail["index"], &detail["count"]), (&json!(0), &json!(1)));
            let text = |name: &str| detail[name].as_str().unwrap().to_owned();
            (text("key"), text("etag"))
        })
        .collect();
    sources.sort();
    sources
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(a, b)| (a.to_string(), b.to_string()))
        .collect()
}

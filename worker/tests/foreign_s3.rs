//! The worker against an S3 that we did not write: FFmpeg reads moto's presigned URLs in ranges,
//! and the outputs lie under the source's whole key.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{Permission, StorageClass},
};
use gifgen_testkit::{
    keys, media,
    moto::Moto,
    test_env::{FILMS, PREVIEWS, TestEnv, invocation, worker},
};
use gifgen_worker::Worker;
use serde_json::{Value, json};

const MINUTES: Duration = Duration::from_secs(120);

const SMALL: [(&str, &str); 4] = [
    ("GIF_WIDTH", "64"),
    ("GIF_FPS", "5"),
    ("OVERVIEW", "none"),
    ("FRAMES", "each"),
];

async fn render(worker: &Worker, key: &str, etag: &str) -> Value {
    let event = json!({"bucket": FILMS, "key": key, "etag": etag, "start": 0, "end": 1});
    json!(worker.handle(&event, &invocation(MINUTES)).await.unwrap())
}

/// The outputs of source `key`, without the ledger: bodies by what stands behind the key.
async fn outputs(s3: &Client, key: &str) -> BTreeMap<String, Vec<u8>> {
    let prefix = format!("{key}/");
    let listed = s3
        .list_objects_v2()
        .bucket(PREVIEWS)
        .prefix(&prefix)
        .send()
        .await
        .unwrap();
    let mut outputs = BTreeMap::new();
    for object in listed.contents() {
        let name = object.key().unwrap();
        if name.ends_with(".json") {
            continue;
        }
        let got = s3
            .get_object()
            .bucket(PREVIEWS)
            .key(name)
            .send()
            .await
            .unwrap();
        let body = got.body.collect().await.unwrap().to_vec();
        outputs.insert(name[prefix.len()..].to_owned(), body);
    }
    outputs
}

#[tokio::test]
async fn awkward_keys_give_the_same_objects_as_on_the_embedded_stack() {
    let env = TestEnv::start().await;
    let object = env.adopt_video("a.mp4", "d06").await;
    let answer = render(&env.worker(&SMALL), "a.mp4", &object.etag).await;
    assert_eq!(answer["status"], "done", "{answer}");
    let wanted = outputs(env.s3(), "a.mp4").await;
    let names: Vec<&String> = wanted.keys().collect();
    assert_eq!(
        names,
        ["frames/000000.jpg", "gifs/000000.gif", "storyboard.vtt"]
    );

    let moto = Moto::start().await;
    let worker = worker(
        moto.s3().clone(),
        moto.bus().clone(),
        env.temporary(),
        &SMALL,
    );
    for (what, key) in keys::awkward() {
        let etag = moto.upload_video(&key, "d06").await;
        let answer = render(&worker, &key, &etag).await;
        assert_eq!(answer["status"], "done", "{what}: {answer}");
        assert_eq!(answer["key"], key, "{what}");
        let got = outputs(moto.s3(), &key).await;
        assert!(got == wanted, "{what}: other objects: {:?}", got.keys());
    }
}

#[tokio::test]
async fn a_slice_of_a_video_that_was_archived_since_it_was_split_fails_for_good_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let moto = Moto::start().await;
    let etag = moto.upload_video("a.mp4", "d34").await;
    let (s3, bus) = (moto.s3().clone(), moto.bus().clone());
    let worker = worker(s3, bus, directory.path().into(), &SMALL);
    // The first slice begins the run.
    let slice = |start: u32, end: f64| json!({"bucket": FILMS, "key": "a.mp4", "etag": etag, "start": start, "end": end});
    let first = worker.handle(&slice(0, 30.0), &invocation(MINUTES)).await;
    assert_eq!(json!(first.unwrap())["status"], "done");
    let film = ByteStream::from_path(media::video("d34")).await.unwrap();
    let archive = moto.s3().put_object().bucket(FILMS).key("a.mp4").body(film);
    let archive = archive
        .storage_class(StorageClass::DeepArchive)
        .send()
        .await;
    assert_eq!(archive.unwrap().e_tag(), Some(&*etag));
    let second = worker
        .handle(&slice(30, 39.855), &invocation(MINUTES))
        .await;
    let second = json!(second.unwrap());
    assert_eq!(
        (&second["status"], &second["reason"]),
        (&json!("failed"), &json!("archived")),
        "{second}"
    );
}

#[tokio::test]
async fn objects_carry_their_content_type_and_cache_control_and_are_private() {
    let directory = tempfile::tempdir().unwrap();
    let moto = Moto::start().await;
    for (frames, still) in [("each", "frames"), ("storyboard", "storyboards")] {
        // A run keeps the settings that it began with.
        let source = format!("{frames}.mp4");
        let etag = moto.upload_video(&source, "d06").await;
        let settings = [SMALL[0], SMALL[1], SMALL[2], ("FRAMES", frames)];
        let worker = worker(
            moto.s3().clone(),
            moto.bus().clone(),
            directory.path().into(),
            &settings,
        );
        let answer = render(&worker, &source, &etag).await;
        assert_eq!(answer["status"], "done", "{answer}");
        for (key, content_type) in [
            (format!("{source}/gifs/000000.gif"), "image/gif"),
            (format!("{source}/{still}/000000.jpg"), "image/jpeg"),
        ] {
            let head = moto.s3().head_object().bucket(PREVIEWS).key(&key);
            let head = head.send().await.unwrap();
            assert_eq!(head.content_type(), Some(content_type), "{key}");
            assert_eq!(head.cache_control(), Some("max-age=3600"), "{key}");
            let acl = moto.s3().get_object_acl().bucket(PREVIEWS).key(&key);
            let acl = acl.send().await.unwrap();
            let grants: Vec<_> = acl
                .grants()
                .iter()
                .map(|grant| grant.permission())
                .collect();
            assert_eq!(
                grants,
                [Some(&Permission::FullControl)],
                "the owner's only, {key}"
            );
        }
    }
}

#[tokio::test]
async fn a_video_with_its_index_at_the_end_is_read_in_ranges() {
    let directory = tempfile::tempdir().unwrap();
    let moto = Moto::start().await;
    let etag = moto.upload_video("long.mp4", "d34").await;
    let worker = worker(
        moto.s3().clone(),
        moto.bus().clone(),
        directory.path().into(),
        &SMALL,
    );
    let event =
        json!({"bucket": FILMS, "key": "long.mp4", "etag": etag, "start": 30, "end": 39.855});
    let answer = json!(worker.handle(&event, &invocation(MINUTES)).await.unwrap());
    assert_eq!(answer["gif"]["frames"], 50, "{answer}");
    let frames = json!({"first": 30, "count": 10, "width": 640, "height": 360});
    assert_eq!(answer["frames"], frames);
}

#[tokio::test]
async fn a_slice_of_a_replaced_source_is_superseded_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let moto = Moto::start().await;
    let old = moto.upload_video("a.mp4", "d05").await;
    moto.upload_video("a.mp4", "d06").await;
    let worker = worker(
        moto.s3().clone(),
        moto.bus().clone(),
        directory.path().into(),
        &SMALL,
    );
    let answer = render(&worker, "a.mp4", &old).await;
    assert_eq!(answer["status"], "superseded");
    assert!(outputs(moto.s3(), "a.mp4").await.is_empty());
}

#[tokio::test]
async fn a_slice_of_a_deleted_source_says_that_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let moto = Moto::start().await;
    let etag = moto.upload_video("a.mp4", "d06").await;
    moto.s3()
        .delete_object()
        .bucket(FILMS)
        .key("a.mp4")
        .send()
        .await
        .unwrap();
    let worker = worker(
        moto.s3().clone(),
        moto.bus().clone(),
        directory.path().into(),
        &SMALL,
    );
    let answer = render(&worker, "a.mp4", &etag).await;
    assert_eq!(
        (&answer["status"], &answer["reason"]),
        (&json!("failed"), &json!("sourceGone"))
    );
    assert!(
        !answer["message"].as_str().unwrap().contains("X-Amz"),
        "{answer}"
    );
}

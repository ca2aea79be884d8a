//! What the store promises beyond the S3 protocol: adoption and notifications.

mod conformance;

use std::fs;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use conformance::{failure, get, pattern, put};
use gifgen_stack::{Stack, StoreError};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

async fn start(data: &Path) -> (Stack, aws_sdk_s3::Client) {
    let stack = Stack::start(data).await.unwrap();
    stack.store().create_bucket("films").await.unwrap();
    let key = stack.credentials();
    let (id, secret) = (&key.access_key_id, &key.secret_access_key);
    let client = conformance::client(&stack.s3_endpoint(), id, secret);
    (stack, client)
}

#[tokio::test]
async fn an_adopted_file_is_an_object_and_stays_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("größe 1.mp4");
    let body = pattern(700_000);
    fs::write(&file, &body).unwrap();
    let (stack, client) = start(data.path()).await;
    let info = stack
        .store()
        .adopt("films", "in/größe 1.mp4", &file)
        .await
        .unwrap();
    assert!(info.adopted);
    assert_eq!(info.bytes, 700_000);
    assert_eq!(info.body, fs::canonicalize(&file).unwrap());
    assert!(get(&client, "films", &info.key).await == body);
    let quoted = format!("\"{}\"", info.etag);
    let head = client
        .head_object()
        .bucket("films")
        .key(&info.key)
        .send()
        .await
        .unwrap();
    assert_eq!(head.e_tag(), Some(&*quoted));
    let matching = client
        .get_object()
        .bucket("films")
        .key(&info.key)
        .if_match(&quoted);
    assert!(matching.send().await.is_ok());
    // A copy is independent of the file.
    let copy = client.copy_object().bucket("films").key("copy");
    let source = "films/in/gr%C3%B6%C3%9Fe%201.mp4";
    copy.copy_source(source).send().await.unwrap();
    // A changed file is another object.
    fs::write(&file, b"changed").unwrap();
    let stale = client
        .get_object()
        .bucket("films")
        .key(&info.key)
        .if_match(&quoted);
    assert_eq!(failure(stale.send().await).0, 412);
    assert_eq!(&get(&client, "films", &info.key).await[..], b"changed");
    assert!(get(&client, "films", "copy").await == body);
    client
        .delete_object()
        .bucket("films")
        .key(&info.key)
        .send()
        .await
        .unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"changed");
    // A replaced file stays. When a file is removed, so is its object.
    stack.store().adopt("films", "again", &file).await.unwrap();
    put(&client, "films", "again", b"other").await;
    assert_eq!(fs::read(&file).unwrap(), b"changed");
    stack.store().adopt("films", "gone", &file).await.unwrap();
    fs::remove_file(&file).unwrap();
    let gone = client.get_object().bucket("films").key("gone").send().await;
    assert_eq!(failure(gone), (404, "NoSuchKey".into()));
    let listed = stack.store().list("films", "").await.unwrap();
    let keys: Vec<_> = listed.iter().map(|object| &*object.key).collect();
    assert_eq!(keys, ["again", "copy"]);
    let directory = stack.store().adopt("films", "dir", home.path()).await;
    assert!(matches!(directory, Err(StoreError::NotAFile(_))));
    let nowhere = stack.store().adopt("nowhere", "a", &listed[0].body).await;
    assert!(matches!(nowhere, Err(StoreError::NoSuchBucket(_))));
    stack.stop().await;
}

async fn next(events: &mut UnboundedReceiver<Value>) -> Value {
    let event = tokio::time::timeout(Duration::from_secs(10), events.recv()).await;
    event.unwrap().unwrap()
}

#[tokio::test]
async fn each_new_object_is_announced_once_and_only_if_it_came_to_be() {
    let data = tempfile::tempdir().unwrap();
    let (stack, client) = start(data.path()).await;
    let pattern = json!({
        "source": ["aws.s3"], "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["films"]}},
    });
    let mut events = stack.bus().add_rule("created", &pattern).unwrap();
    let key = "a b+é%.mp4";
    put(&client, "films", key, b"hello").await;
    let event = next(&mut events).await;
    assert_eq!(event["resources"], json!(["arn:aws:s3:::films"]));
    assert_eq!(event["detail"]["version"], "0");
    assert_eq!(event["detail"]["reason"], "PutObject");
    let object = &event["detail"]["object"];
    assert_eq!(object["key"], key, "keys are plain in these events");
    assert_eq!(object["size"], 5);
    assert_eq!(object["etag"], "5d41402abc4b2a76b9719d911017c592");
    for field in ["request-id", "requester", "source-ip-address"] {
        assert!(event["detail"][field].is_string(), "{field}");
    }
    let refused = client
        .put_object()
        .bucket("films")
        .key(key)
        .if_none_match("*");
    let refused = refused.body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(failure(refused).0, 412);
    let upload = client
        .create_multipart_upload()
        .bucket("films")
        .key("parts");
    let id = upload.send().await.unwrap().upload_id.unwrap();
    let part = client
        .upload_part()
        .bucket("films")
        .key("parts")
        .upload_id(&id)
        .part_number(1);
    let part = part
        .body(ByteStream::from_static(b"hello"))
        .send()
        .await
        .unwrap();
    let part = CompletedPart::builder()
        .part_number(1)
        .e_tag(part.e_tag.unwrap())
        .build();
    let complete = client
        .complete_multipart_upload()
        .bucket("films")
        .key("parts");
    let all = CompletedMultipartUpload::builder().parts(part).build();
    complete
        .upload_id(&id)
        .multipart_upload(all)
        .send()
        .await
        .unwrap();
    let multipart = next(&mut events).await;
    assert_eq!(multipart["detail"]["reason"], "CompleteMultipartUpload");
    assert_eq!(multipart["detail"]["object"]["key"], "parts");
    let sequencer = |event: &Value| event["detail"]["object"]["sequencer"].to_string();
    assert!(sequencer(&multipart) > sequencer(&event));
    let file = data.path().join("film.mp4");
    fs::write(&file, b"hello").unwrap();
    stack
        .store()
        .adopt("films", "adopted", &file)
        .await
        .unwrap();
    assert_eq!(
        next(&mut events).await["detail"]["object"]["key"],
        "adopted"
    );
    assert!(events.try_recv().is_err());
    stack.stop().await;
}

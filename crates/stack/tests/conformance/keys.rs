//! Keys that are awkward for file systems, URLs or XML.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;

use super::{failure, get, put};

pub async fn awkward_keys_are_stored_and_listed(client: &Client, bucket: &str) {
    let keys = [
        "awkward/a b",
        "awkward/a+b",
        "awkward/a%2Fb",
        "awkward/a%20b",
        "awkward/a//b",
        "awkward//",
        "awkward/./b",
        "awkward/../b",
        "awkward/..",
        "awkward/pre",
        "awkward/pre/x",
        "awkward/pre/x/",
        "awkward/\"quoted\" & 'so' <on>",
        "awkward/tab\there",
        "awkward/größe-日本-🎬",
        "awkward/e\u{301}",
        "awkward/é",
        "awkward/a?b#c&d=e",
        "awkward/back\\slash",
        "awkward/~!$*(),;:@[]{}|^`",
    ];
    for key in keys {
        put(client, bucket, key, key.as_bytes()).await;
    }
    for key in keys {
        assert_eq!(
            &get(client, bucket, key).await[..],
            key.as_bytes(),
            "{key:?}"
        );
        let head = client
            .head_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .unwrap();
        assert_eq!(head.content_length(), Some(key.len() as i64));
    }
    let listed = client
        .list_objects_v2()
        .bucket(bucket)
        .prefix("awkward/")
        .send()
        .await;
    let listed = listed.unwrap();
    let listed: Vec<_> = listed
        .contents()
        .iter()
        .map(|object| object.key().unwrap())
        .collect();
    let mut expected = keys.to_vec();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    for key in keys {
        client
            .delete_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .unwrap();
        let got = client.get_object().bucket(bucket).key(key).send().await;
        assert_eq!(failure(got).0, 404, "{key:?}");
    }
}

pub async fn a_key_with_a_newline_is_stored(client: &Client, bucket: &str) {
    let key = "newline/two\nlines";
    put(client, bucket, key, b"x").await;
    assert_eq!(&get(client, bucket, key).await[..], b"x");
    let listed = client
        .list_objects_v2()
        .bucket(bucket)
        .prefix("newline/")
        .send()
        .await;
    assert_eq!(listed.unwrap().contents()[0].key(), Some(key));
}

pub async fn keys_of_1024_bytes_are_stored_and_longer_ones_refused(client: &Client, bucket: &str) {
    let long = format!("long/{}", "x".repeat(1019));
    let slashes = format!("long/{}", "é/".repeat(339));
    for key in [&long, &slashes] {
        put(client, bucket, key, b"x").await;
        assert_eq!(&get(client, bucket, key).await[..], b"x");
    }
    let too_long = client.put_object().bucket(bucket).key(format!("{long}x"));
    let too_long = too_long.body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(failure(too_long), (400, "KeyTooLongError".into()));
}

//! Whole objects.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, Delete, MetadataDirective, ObjectIdentifier,
};
use bytes::Bytes;

use super::{failure, get, pattern, put};

pub async fn what_was_put_comes_back_with_its_headers(client: &Client, bucket: &str) {
    let key = "what_was_put/a.gif";
    let expires = DateTime::from_secs(2_000_000_000);
    let put = client.put_object().bucket(bucket).key(key);
    let put = put
        .body(ByteStream::from_static(b"hello"))
        .content_type("image/gif")
        .cache_control("max-age=60")
        .content_disposition("inline")
        .content_language("en")
        .expires(expires)
        .metadata("slice", "7")
        .metadata("spaced", "a b");
    let etag = put.send().await.unwrap().e_tag.unwrap();
    assert_eq!(etag, "\"5d41402abc4b2a76b9719d911017c592\"");
    let got = client
        .get_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .unwrap();
    assert_eq!(got.content_type(), Some("image/gif"));
    assert_eq!(got.cache_control(), Some("max-age=60"));
    assert_eq!(got.content_disposition(), Some("inline"));
    assert_eq!(got.content_language(), Some("en"));
    assert_eq!(got.content_length(), Some(5));
    assert_eq!(got.e_tag(), Some(&*etag));
    assert_eq!(got.accept_ranges(), Some("bytes"));
    assert_eq!(got.metadata().unwrap()["slice"], "7");
    assert_eq!(got.metadata().unwrap()["spaced"], "a b");
    assert!(got.last_modified().is_some());
    assert_eq!(
        &got.body.collect().await.unwrap().into_bytes()[..],
        b"hello"
    );
    let head = client
        .head_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_type(), Some("image/gif"));
    assert_eq!(head.content_length(), Some(5));
    assert_eq!(head.e_tag(), Some(&*etag));
    assert_eq!(head.metadata().unwrap()["slice"], "7");
}

pub async fn an_empty_object_is_an_object(client: &Client, bucket: &str) {
    let etag = put(client, bucket, "empty", b"").await;
    assert_eq!(etag, "\"d41d8cd98f00b204e9800998ecf8427e\"");
    assert_eq!(get(client, bucket, "empty").await, Bytes::new());
}

pub async fn an_object_is_replaced_whole(client: &Client, bucket: &str) {
    let key = "replaced";
    let first = client
        .put_object()
        .bucket(bucket)
        .key(key)
        .metadata("old", "1");
    first
        .body(ByteStream::from_static(b"a long first body"))
        .send()
        .await
        .unwrap();
    let reader = client
        .get_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .unwrap();
    put(client, bucket, key, b"short").await;
    // A reader of the old object keeps reading it.
    let old = reader.body.collect().await.unwrap().into_bytes();
    assert_eq!(&old[..], b"a long first body");
    let got = client
        .get_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .unwrap();
    assert!(got.metadata().is_none_or(|metadata| metadata.is_empty()));
    assert_eq!(
        &got.body.collect().await.unwrap().into_bytes()[..],
        b"short"
    );
}

pub async fn a_large_body_streams_both_ways(client: &Client, bucket: &str) {
    let body = pattern(9_000_001);
    put(client, bucket, "large", &body).await;
    assert!(get(client, bucket, "large").await == body);
}

/// The SDK sends a file in chunks, with the checksum in a trailer.
pub async fn a_file_streams_in_chunks(client: &Client, bucket: &str) {
    let body = pattern(3_000_001);
    let path = std::env::temp_dir().join(format!("conformance-{}", std::process::id()));
    std::fs::write(&path, &body).unwrap();
    let put = client.put_object().bucket(bucket).key("chunks");
    let put = put
        .body(ByteStream::from_path(&path).await.unwrap())
        .send()
        .await;
    std::fs::remove_file(&path).unwrap();
    put.unwrap();
    assert!(get(client, bucket, "chunks").await == body);
}

pub async fn a_body_that_does_not_match_its_crc_is_refused(client: &Client, bucket: &str) {
    let wrong = client.put_object().bucket(bucket).key("crc");
    let wrong = wrong
        .body(ByteStream::from_static(b"hello"))
        .checksum_crc32("AAAAAA==");
    assert_eq!(failure(wrong.send().await), (400, "BadDigest".into()));
    let right = client.put_object().bucket(bucket).key("crc");
    let right = right
        .body(ByteStream::from_static(b"hello"))
        .checksum_crc32("NhCmhg==");
    right.send().await.unwrap();
}

pub async fn a_body_that_does_not_match_its_digest_is_refused(client: &Client, bucket: &str) {
    let key = "digest";
    let wrong = client.put_object().bucket(bucket).key(key);
    let wrong = wrong
        .body(ByteStream::from_static(b"hello"))
        .content_md5("1B2M2Y8AsgTpgAmY7PhCfg==")
        .send()
        .await;
    assert_eq!(failure(wrong), (400, "BadDigest".into()));
    let got = client.get_object().bucket(bucket).key(key).send().await;
    assert_eq!(failure(got), (404, "NoSuchKey".into()));
}

pub async fn a_copy_is_an_object_of_its_own(client: &Client, bucket: &str) {
    let original = client.put_object().bucket(bucket).key("copy/a");
    let original = original
        .body(ByteStream::from_static(b"hello"))
        .content_type("text/x");
    original.send().await.unwrap();
    let copy = client.copy_object().bucket(bucket).key("copy/b");
    copy.copy_source(format!("{bucket}/copy/a"))
        .send()
        .await
        .unwrap();
    let copy = client.copy_object().bucket(bucket).key("copy/c");
    let copy = copy
        .copy_source(format!("{bucket}/copy/a"))
        .metadata_directive(MetadataDirective::Replace)
        .content_type("text/y");
    copy.send().await.unwrap();
    client
        .delete_object()
        .bucket(bucket)
        .key("copy/a")
        .send()
        .await
        .unwrap();
    for (key, content_type) in [("copy/b", "text/x"), ("copy/c", "text/y")] {
        let got = client
            .get_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .unwrap();
        assert_eq!(got.content_type(), Some(content_type));
        assert_eq!(
            &got.body.collect().await.unwrap().into_bytes()[..],
            b"hello"
        );
    }
}

pub async fn deleted_objects_are_gone(client: &Client, bucket: &str) {
    for key in ["deleted/1", "deleted/2", "deleted/3"] {
        put(client, bucket, key, b"x").await;
    }
    client
        .delete_object()
        .bucket(bucket)
        .key("deleted/1")
        .send()
        .await
        .unwrap();
    // Deleting a missing object succeeds.
    client
        .delete_object()
        .bucket(bucket)
        .key("deleted/1")
        .send()
        .await
        .unwrap();
    let two = ["deleted/2", "deleted/3", "deleted/none"]
        .map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder()
        .set_objects(Some(two.into()))
        .build()
        .unwrap();
    let deleted = client
        .delete_objects()
        .bucket(bucket)
        .delete(delete)
        .send()
        .await;
    let deleted = deleted.unwrap();
    assert_eq!(deleted.deleted().len(), 3);
    assert_eq!(deleted.errors().len(), 0);
    let left = client
        .list_objects_v2()
        .bucket(bucket)
        .prefix("deleted/")
        .send()
        .await;
    assert_eq!(left.unwrap().contents().len(), 0);
}

pub async fn a_checksum_is_kept_and_told_to_who_asks(client: &Client, bucket: &str) {
    let key = "a_checksum/abc";
    let sum = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
    let put = client.put_object().bucket(bucket).key(key);
    let put = put
        .body(ByteStream::from_static(b"abc"))
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .checksum_sha256(sum);
    let etag = put.send().await.unwrap().e_tag.unwrap();
    let head = client.head_object().bucket(bucket).key(key).if_match(etag);
    let asked = head.clone().checksum_mode(ChecksumMode::Enabled);
    assert_eq!(asked.send().await.unwrap().checksum_sha256(), Some(sum));
    let unasked = head.checksum_mode(ChecksumMode::from("DISABLED"));
    assert_eq!(unasked.send().await.unwrap().checksum_sha256(), None);
}

pub async fn a_body_that_does_not_match_its_sha_256_is_refused(client: &Client, bucket: &str) {
    let key = "a_sha_256/abc";
    let put = client.put_object().bucket(bucket).key(key);
    let put = put
        .body(ByteStream::from_static(b"abd"))
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .checksum_sha256("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    assert_eq!(failure(put.send().await).0, 400);
    let get = client.get_object().bucket(bucket).key(key);
    assert_eq!(failure(get.send().await), (404, "NoSuchKey".to_owned()));
}

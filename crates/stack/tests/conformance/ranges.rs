//! Range requests.

use aws_sdk_s3::Client;

use super::{failure, pattern, put};

pub async fn ranges_give_the_bytes_that_they_name(client: &Client, bucket: &str) {
    let key = "ranges";
    // Longer than any buffer on the way.
    let body = pattern(1_000_003);
    let size = body.len();
    put(client, bucket, key, &body).await;
    let cases = [
        ("bytes=0-0", 0..1),
        ("bytes=5-9", 5..10),
        ("bytes=999999-", 999_999..size),
        ("bytes=262143-262145", 262_143..262_146),
        ("bytes=100-900000", 100..900_001),
        ("bytes=-7", size - 7..size),
        ("bytes=-9999999", 0..size),
        ("bytes=1000000-9999999", 1_000_000..size),
    ];
    for (range, expected) in cases {
        let got = client
            .get_object()
            .bucket(bucket)
            .key(key)
            .range(range)
            .send()
            .await;
        let got = got.unwrap();
        let said = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
        assert_eq!(got.content_range(), Some(&*said));
        assert_eq!(got.content_length(), Some(expected.len() as i64));
        let bytes = got.body.collect().await.unwrap().into_bytes();
        assert!(bytes == body[expected], "{range} gives other bytes");
    }
}

pub async fn a_range_behind_the_end_is_refused(client: &Client, bucket: &str) {
    let key = "range_behind";
    put(client, bucket, key, b"hello").await;
    let got = client
        .get_object()
        .bucket(bucket)
        .key(key)
        .range("bytes=5-")
        .send()
        .await;
    assert_eq!(failure(got), (416, "InvalidRange".into()));
}

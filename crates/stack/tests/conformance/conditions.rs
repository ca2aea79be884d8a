//! Conditional reads and writes, sequential and concurrent.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use futures::future::join_all;

use super::{failure, get, put};

/// Number of concurrent clients.
const RACERS: usize = 16;

pub async fn a_read_with_if_match_or_if_none_match_is_conditional(client: &Client, bucket: &str) {
    let key = "if_match";
    let etag = put(client, bucket, key, b"hello").await;
    let get = || client.get_object().bucket(bucket).key(key);
    let head = || client.head_object().bucket(bucket).key(key);
    assert!(get().if_match(&etag).send().await.is_ok());
    assert!(get().if_none_match("\"other\"").send().await.is_ok());
    let (status, code) = failure(get().if_match("\"other\"").send().await);
    assert_eq!((status, &*code), (412, "PreconditionFailed"));
    assert_eq!(failure(get().if_none_match(&etag).send().await).0, 304);
    assert!(head().if_match(&etag).send().await.is_ok());
    assert_eq!(failure(head().if_match("\"other\"").send().await).0, 412);
    assert_eq!(failure(head().if_none_match(&etag).send().await).0, 304);
    let part = get().if_match("\"other\"").range("bytes=0-1").send().await;
    assert_eq!(failure(part).0, 412);
}

/// Events contain it without quotes.
pub async fn an_etag_may_come_without_quotes(client: &Client, bucket: &str) {
    let etag = put(client, bucket, "unquoted", b"hello").await;
    let get = || client.get_object().bucket(bucket).key("unquoted");
    let unquoted = etag.trim_matches('"');
    assert!(get().if_match(unquoted).send().await.is_ok());
    assert_eq!(failure(get().if_none_match(unquoted).send().await).0, 304);
}

pub async fn a_read_with_a_date_is_conditional(client: &Client, bucket: &str) {
    let key = "if_modified";
    put(client, bucket, key, b"hello").await;
    let head = client.head_object().bucket(bucket).key(key).send().await;
    let modified = head.unwrap().last_modified.unwrap();
    let before = DateTime::from_secs(modified.secs() - 5);
    let get = || client.get_object().bucket(bucket).key(key);
    assert!(get().if_modified_since(before).send().await.is_ok());
    assert!(get().if_unmodified_since(modified).send().await.is_ok());
    assert_eq!(
        failure(get().if_modified_since(modified).send().await).0,
        304
    );
    assert_eq!(
        failure(get().if_unmodified_since(before).send().await).0,
        412
    );
}

pub async fn a_put_if_none_match_fails_when_the_object_exists(client: &Client, bucket: &str) {
    let key = "create";
    let create = || {
        let put = client
            .put_object()
            .bucket(bucket)
            .key(key)
            .if_none_match("*");
        put.body(ByteStream::from_static(b"first")).send()
    };
    assert!(create().await.is_ok());
    assert_eq!(failure(create().await), (412, "PreconditionFailed".into()));
    client
        .delete_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .unwrap();
    assert!(create().await.is_ok());
}

pub async fn only_one_of_sixteen_racing_creators_wins(client: &Client, bucket: &str) {
    for round in 0..5 {
        let key = format!("race/{round}");
        let creators = (0..RACERS).map(|racer| {
            let put = client
                .put_object()
                .bucket(bucket)
                .key(&key)
                .if_none_match("*");
            put.body(ByteStream::from(racer.to_string().into_bytes()))
                .send()
        });
        let results = join_all(creators).await;
        let winners: Vec<_> = (0..RACERS)
            .filter(|racer| results[*racer].is_ok())
            .collect();
        assert_eq!(winners.len(), 1, "the winners are {winners:?}");
        let body = get(client, bucket, &key).await;
        assert_eq!(&body[..], winners[0].to_string().as_bytes());
        for lost in results.into_iter().filter(Result::is_err) {
            // S3 may also answer 409 to concurrent writes.
            assert!(matches!(failure(lost).0, 412 | 409));
        }
    }
}

pub async fn only_one_of_sixteen_racing_replacers_wins(client: &Client, bucket: &str) {
    let key = "race_replace";
    let etag = put(client, bucket, key, b"first").await;
    let replacers = (0..RACERS).map(|racer| {
        let put = client.put_object().bucket(bucket).key(key).if_match(&etag);
        put.body(ByteStream::from(racer.to_string().into_bytes()))
            .send()
    });
    let results = join_all(replacers).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let missing = client.put_object().bucket(bucket).key("race_replace/none");
    let missing = missing
        .if_match(&etag)
        .body(ByteStream::from_static(b"x"))
        .send()
        .await;
    assert_eq!(failure(missing).0, 404);
}

pub async fn a_delete_with_if_match_spares_what_was_replaced(client: &Client, bucket: &str) {
    let key = "delete_if_match";
    let first = put(client, bucket, key, b"first").await;
    let second = put(client, bucket, key, b"second").await;
    let delete = |etag: &str| {
        let delete = client.delete_object().bucket(bucket).key(key);
        delete.if_match(etag).send()
    };
    assert_eq!(failure(delete(&first).await).0, 412);
    assert_eq!(&get(client, bucket, key).await[..], b"second");
    assert!(delete(&second).await.is_ok());
    let head = client.head_object().bucket(bucket).key(key).send().await;
    assert_eq!(failure(head).0, 404);
}

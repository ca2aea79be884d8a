//! The conformance suite against the embedded server, through the real SDK.

mod conformance;

use gifgen_stack::{ETags, Stack};

macro_rules! tests {
    ($($module:ident: $($check:ident),+;)+) => {$($(
        #[tokio::test]
        async fn $check() {
            let data = tempfile::tempdir().unwrap();
            let stack = Stack::start(data.path()).await.unwrap();
            stack.store().create_bucket("films").await.unwrap();
            let key = stack.credentials();
            let client = conformance::client(
                &stack.s3_endpoint(),
                &key.access_key_id,
                &key.secret_access_key,
            );
            conformance::$module::$check(&client, "films").await;
            stack.stop().await;
        }
    )+)+};
}

each_check!(tests);

#[tokio::test]
async fn all_checks_can_share_a_bucket() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path()).await.unwrap();
    let key = stack.credentials();
    let (id, secret) = (&key.access_key_id, &key.secret_access_key);
    let client = conformance::client(&stack.s3_endpoint(), id, secret);
    client.create_bucket().bucket("films").send().await.unwrap();
    conformance::conformance(&client, "films", &[]).await;
    let stranger = conformance::client(&stack.s3_endpoint(), id, "another secret");
    let refused = stranger.list_buckets().send().await;
    assert_eq!(conformance::failure(refused).0, 403);
    let not_empty = client.delete_bucket().bucket("films").send().await;
    assert_eq!(
        conformance::failure(not_empty),
        (409, "BucketNotEmpty".into())
    );
    stack.stop().await;
}

#[tokio::test]
async fn opaque_etags_differ_at_each_write_and_are_conditions_all_the_same() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start_with(ETags::Opaque, data.path()).await.unwrap();
    let key = stack.credentials();
    let (id, secret) = (&key.access_key_id, &key.secret_access_key);
    let client = conformance::client(&stack.s3_endpoint(), id, secret);
    client.create_bucket().bucket("films").send().await.unwrap();
    let first = conformance::put(&client, "films", "a", b"abc").await;
    let second = conformance::put(&client, "films", "a", b"abc").await;
    assert_ne!(first, second);
    let replace = |etag: &str| {
        let put = client.put_object().bucket("films").key("a");
        put.if_match(etag).send()
    };
    assert_eq!(conformance::failure(replace(&first).await).0, 412);
    replace(&second).await.unwrap();
    // These checks expect ETags that depend on the content.
    let md5s = [
        "what_was_put_comes_back_with_its_headers",
        "an_empty_object_is_an_object",
        "parts_become_one_object",
    ];
    conformance::conformance(&client, "films", &md5s).await;
    stack.stop().await;
}

//! Missing buckets and objects.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;

use super::failure;

/// A bucket that does not exist.
const NOWHERE: &str = "there-is-no-such-bucket";

pub async fn what_is_missing_is_not_found(client: &Client, bucket: &str) {
    let got = client
        .get_object()
        .bucket(bucket)
        .key("missing")
        .send()
        .await;
    assert_eq!(failure(got), (404, "NoSuchKey".into()));
    let head = client
        .head_object()
        .bucket(bucket)
        .key("missing")
        .send()
        .await;
    assert_eq!(failure(head).0, 404);
    let head = client.head_bucket().bucket(NOWHERE).send().await;
    assert_eq!(failure(head).0, 404);
    assert!(client.head_bucket().bucket(bucket).send().await.is_ok());
    let no_such_bucket = (404, "NoSuchBucket".to_owned());
    let got = client.get_object().bucket(NOWHERE).key("a").send().await;
    assert_eq!(failure(got), no_such_bucket);
    let put = client.put_object().bucket(NOWHERE).key("a");
    let put = put.body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(failure(put), no_such_bucket);
    let listed = client.list_objects_v2().bucket(NOWHERE).send().await;
    assert_eq!(failure(listed), no_such_bucket);
    let upload = client
        .create_multipart_upload()
        .bucket(NOWHERE)
        .key("a")
        .send()
        .await;
    assert_eq!(failure(upload), no_such_bucket);
    let parts = client
        .list_parts()
        .bucket(bucket)
        .key("a")
        .upload_id("none")
        .send()
        .await;
    assert_eq!(failure(parts), (404, "NoSuchUpload".into()));
}

//! Presigned URLs, fetched by a plain HTTP client as FFmpeg does.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioExecutor;

use super::{pattern, put};

/// A GET without credentials but those in the URL.
pub async fn fetch(url: &str, range: Option<&str>) -> (u16, HeaderMap, Bytes) {
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::get(url);
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let response = client
        .request(request.body(Empty::<Bytes>::new()).unwrap())
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, body)
}

async fn presign(client: &Client, bucket: &str, key: &str, age: Duration) -> String {
    let config = PresigningConfig::builder()
        .start_time(SystemTime::now() - age)
        .expires_in(Duration::from_secs(60))
        .build()
        .unwrap();
    let get = client.get_object().bucket(bucket).key(key);
    get.presigned(config).await.unwrap().uri().to_owned()
}

pub async fn a_presigned_url_gives_ranges_without_credentials(client: &Client, bucket: &str) {
    let key = "presigned/a b+é.mp4";
    let body = pattern(300_000);
    put(client, bucket, key, &body).await;
    let url = presign(client, bucket, key, Duration::ZERO).await;
    let (status, headers, whole) = fetch(&url, None).await;
    assert_eq!(status, 200);
    assert_eq!(headers["content-length"], "300000");
    assert_eq!(headers["accept-ranges"], "bytes");
    assert!(whole == body);
    let (status, headers, part) = fetch(&url, Some("bytes=100-199999")).await;
    assert_eq!(status, 206);
    assert_eq!(headers["content-range"], "bytes 100-199999/300000");
    assert!(part == body[100..200_000]);
    assert_eq!(fetch(&url, Some("bytes=300000-")).await.0, 416);
}

pub async fn an_expired_url_is_refused(client: &Client, bucket: &str) {
    put(client, bucket, "presigned/old", b"x").await;
    let url = presign(client, bucket, "presigned/old", Duration::from_secs(120)).await;
    let (status, _, body) = fetch(&url, None).await;
    // Garage answers 400.
    assert!(matches!(status, 403 | 400), "{status} {body:?}");
    assert_ne!(&body[..], b"x");
}

pub async fn a_wrong_signature_is_refused(client: &Client, bucket: &str) {
    put(client, bucket, "presigned/mine", b"x").await;
    put(client, bucket, "presigned/other", b"x").await;
    let url = presign(client, bucket, "presigned/mine", Duration::ZERO).await;
    let other = url.replace("presigned/mine", "presigned/other");
    assert_eq!(fetch(&other, None).await.0, 403);
    let longer = url.replace("X-Amz-Expires=60", "X-Amz-Expires=600");
    assert_ne!(longer, url);
    assert_eq!(fetch(&longer, None).await.0, 403);
    let (plain, _) = url.split_once('?').unwrap();
    assert_eq!(fetch(plain, None).await.0, 403);
}

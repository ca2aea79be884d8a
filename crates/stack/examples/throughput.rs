//! Prints how fast the S3 server is: `cargo run --profile local -p gifgen-stack --example throughput`.

#[path = "../tests/conformance/mod.rs"]
mod conformance;

use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use conformance::pattern;
use futures::{StreamExt as _, stream};
use gifgen_stack::Stack;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::rt::TokioExecutor;

const BODY: usize = 30_000;
const OBJECTS: usize = 10_000;

async fn start() -> (tempfile::TempDir, Stack, Client) {
    // TMPDIR selects the disk.
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path()).await.unwrap();
    stack.store().create_bucket("films").await.unwrap();
    let key = stack.credentials();
    let (id, secret) = (&key.access_key_id, &key.secret_access_key);
    let client = conformance::client(&stack.s3_endpoint(), id, secret);
    (data, stack, client)
}

async fn puts_of_30_kb_through_the_sdk() {
    // Kept to the end: ext4 is slow to reuse inodes that were freed in the last minute.
    let mut kept = Vec::new();
    for parallel in [1, 8, 32] {
        let (data, stack, client) = start().await;
        kept.push(data);
        let body = Bytes::from(pattern(BODY));
        let began = Instant::now();
        stream::iter(0..OBJECTS / 4)
            .for_each_concurrent(parallel, |at| {
                let put = client
                    .put_object()
                    .bucket("films")
                    .key(format!("frames/{at:06}.jpg"));
                let put = put.body(ByteStream::from(body.clone()));
                async move { drop(put.send().await.unwrap()) }
            })
            .await;
        report(&format!("SDK, {parallel} at once"), OBJECTS / 4, began);
        stack.stop().await;
    }
}

async fn puts_of_30_kb_through_a_bare_client() {
    let mut kept = Vec::new();
    for parallel in [1, 8, 32, 128] {
        let (data, stack, client) = start().await;
        kept.push(data);
        let body = Bytes::from(pattern(BODY));
        let config = PresigningConfig::expires_in(Duration::from_secs(600)).unwrap();
        let mut urls = Vec::new();
        for at in 0..OBJECTS {
            let put = client
                .put_object()
                .bucket("films")
                .key(format!("frames/{at:06}.jpg"));
            let signed = put.presigned(config.clone()).await.unwrap();
            urls.push(signed.uri().to_owned());
        }
        let bare = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        let began = Instant::now();
        stream::iter(urls)
            .for_each_concurrent(parallel, |url| {
                let put = bare.request(Request::put(url).body(Full::new(body.clone())).unwrap());
                async move { assert_eq!(put.await.unwrap().status(), 200) }
            })
            .await;
        report(&format!("bare, {parallel} at once"), OBJECTS, began);
        stack.stop().await;
    }
}

fn report(what: &str, objects: usize, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("{what}: {:.0} puts/s", objects as f64 / seconds);
}

async fn a_get_and_a_put_of_a_gigabyte() {
    let (data, stack, client) = start().await;
    let path = data.path().join("big.mp4");
    let mut file = File::create(&path).unwrap();
    let block = pattern(1 << 20);
    for _ in 0..1024 {
        file.write_all(&block).unwrap();
    }
    let size = (1u64 << 30) as f64 / 1e6;
    stack
        .store()
        .adopt("films", "big.mp4", &path)
        .await
        .unwrap();
    let config = PresigningConfig::expires_in(Duration::from_secs(600)).unwrap();
    let get = client.get_object().bucket("films").key("big.mp4");
    let url = get.presigned(config.clone()).await.unwrap();
    let bare = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
    for _ in 0..3 {
        let began = Instant::now();
        let request = Request::get(url.uri())
            .body(Full::<Bytes>::default())
            .unwrap();
        let mut body = bare.request(request).await.unwrap().into_body();
        let mut got = 0;
        while let Some(frame) = body.frame().await {
            got += frame.unwrap().into_data().map_or(0, |data| data.len());
        }
        assert_eq!(got, 1 << 30);
        println!("GET: {:.0} MB/s", size / began.elapsed().as_secs_f64());
    }
    let put = client.put_object().bucket("films").key("copy.mp4");
    let put = put.body(ByteStream::from_path(&path).await.unwrap());
    let url = put.presigned(config).await.unwrap();
    let whole = Bytes::from(std::fs::read(&path).unwrap());
    let began = Instant::now();
    let request = Request::put(url.uri()).body(Full::new(whole)).unwrap();
    assert_eq!(bare.request(request).await.unwrap().status(), 200);
    println!("PUT: {:.0} MB/s", size / began.elapsed().as_secs_f64());
    stack.stop().await;
}

#[tokio::main]
async fn main() {
    puts_of_30_kb_through_the_sdk().await;
    puts_of_30_kb_through_a_bare_client().await;
    a_get_and_a_put_of_a_gigabyte().await;
}

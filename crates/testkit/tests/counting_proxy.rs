//! Tests of the counting proxy: what it records, and how it changes requests.

use std::time::{Duration, Instant};

use gifgen_shared::{ETag, PresignedUrl, Source, SourceKey};
use gifgen_testkit::{
    counting_proxy::CountingProxy,
    test_env::{FILMS, TestEnv},
};
use hyper::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const KEY: &str = "a b.mp4";
const BYTES: usize = 32 << 20;
const LATENCY: Duration = Duration::from_millis(30);

async fn counted() -> (TestEnv, CountingProxy) {
    let env = TestEnv::start().await;
    let file = env.directory().join("file");
    std::fs::write(&file, vec![7; BYTES]).unwrap();
    env.adopt(KEY, &file).await;
    let proxy = CountingProxy::start(&env.stack().s3_endpoint(), LATENCY).await;
    (env, proxy)
}

#[tokio::test]
async fn reads_of_sources_wait_and_are_noted_in_their_order() {
    let (env, proxy) = counted().await;
    let s3 = env.s3_behind(&proxy.endpoint());
    let started = Instant::now();
    let source = Source {
        bucket: FILMS.into(),
        key: SourceKey::plain(KEY).unwrap(),
        etag: None::<ETag>,
    };
    source.state(&s3).await.unwrap();
    let get = s3.get_object().bucket(FILMS).key(KEY).range("bytes=5-104");
    get.send().await.unwrap().body.collect().await.unwrap();
    assert!(started.elapsed() >= 2 * LATENCY);
    let other = s3.list_objects_v2().bucket(FILMS);
    other.send().await.unwrap();
    let reads = proxy.take().await;
    let noted: Vec<_> = reads
        .iter()
        .map(|read| (&read.method, read.range.as_deref(), read.status, read.bytes))
        .collect();
    let range = Some("bytes=5-104");
    assert_eq!(
        noted,
        [
            (&Method::HEAD, None, 200, 0),
            (&Method::GET, range, 206, 100)
        ]
    );
    assert_eq!(proxy.take().await, []);
}

#[tokio::test]
async fn a_client_that_goes_away_is_counted_for_about_what_it_took() {
    let (env, proxy) = counted().await;
    let source = Source {
        bucket: FILMS.into(),
        key: SourceKey::plain(KEY).unwrap(),
        etag: None,
    };
    let s3 = env.s3_behind(&proxy.endpoint());
    let url = source.presign(&s3, Duration::from_secs(60)).await.unwrap();
    let taken = take_and_leave(&url, 4 << 20).await;
    let reads = proxy.take().await;
    assert_eq!((reads.len(), reads[0].status), (1, 200));
    // The kernel buffers what the client has not read yet. A real network would deliver it too.
    assert!(reads[0].bytes >= taken && reads[0].bytes < taken + (8 << 20));
}

/// Reads this many bytes of an answer, including its head, and closes the connection.
async fn take_and_leave(url: &PresignedUrl, bytes: u64) -> u64 {
    let rest = url.expose().strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut part = Vec::new();
    (&mut stream)
        .take(bytes)
        .read_to_end(&mut part)
        .await
        .unwrap();
    // Without the answer's head.
    part.len() as u64 - 1024
}

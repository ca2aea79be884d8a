//! A process that is out of file descriptors. Alone in its process, since all in it are out of them.

use std::{fs::File, net::SocketAddr, sync::Arc, time::Duration};

use gifgen_reader::{BlockCache, Http, LoopbackProxy, Reader};
use gifgen_shared::{ETag, PinnedSource, Source, SourceKey};
use gifgen_testkit::test_env::{FILMS, TestEnv};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::timeout,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_answers_when_there_are_files_again() {
    let env = TestEnv::start().await;
    let object = env.adopt_video("cars.mp4", "d45").await;
    let etag = ETag::new(&object.etag).unwrap();
    let source = Source {
        bucket: FILMS.into(),
        key: SourceKey::plain("cars.mp4").unwrap(),
        etag: None,
    };
    let pinned = PinnedSource::new(source, etag, 1000);
    let expiry = Duration::from_secs(600);
    let http = Http::new().unwrap();
    let reader = Reader::new(http, env.s3().clone(), pinned, expiry);
    let gateway = LoopbackProxy::start(BlockCache::new(Arc::clone(&reader)))
        .await
        .unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], gateway.port()));
    let path = gateway.url().rsplit_once('/').unwrap().1;

    let socket = TcpSocket::new_v4().unwrap();
    let few = rustix::process::Rlimit {
        current: Some(256),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, few).unwrap();
    let files: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(!files.is_empty());

    // The kernel takes the connection for the gateway, which cannot.
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: x\r\nrange: bytes=4-7\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let reading = timeout(Duration::from_millis(300), stream.read_exact(&mut answer));
    assert!(reading.await.is_err(), "there were files left");

    drop(files);
    let reading = timeout(Duration::from_secs(20), stream.read_exact(&mut answer));
    reading.await.expect("the gateway gave up").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 206");
}

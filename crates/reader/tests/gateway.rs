//! The gateway, read by the real FFmpeg and by hand.

use std::{process::Stdio, sync::Arc, time::Duration};

use gifgen_reader::{BlockCache, Http, LoopbackProxy, ReadError, Reader};
use gifgen_shared::{ETag, PinnedSource, Source, SourceKey};
use gifgen_testkit::{
    media,
    test_env::{FILMS, TestEnv, settings},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};

const KEY: &str = "cars.mp4";

async fn gateway(env: &TestEnv, name: &str) -> (LoopbackProxy, Arc<Reader>) {
    let object = env.adopt_video(KEY, name).await;
    let etag = ETag::new(&object.etag).unwrap();
    let bytes = media::video(name).metadata().unwrap().len();
    let source = Source {
        bucket: FILMS.into(),
        key: SourceKey::plain(KEY).unwrap(),
        etag: None,
    };
    let pinned = PinnedSource::new(source, etag, bytes);
    let expiry = Duration::from_secs(600);
    let http = Http::new().unwrap();
    let reader = Reader::new(http, env.s3().clone(), pinned, expiry);
    let gateway = LoopbackProxy::start(BlockCache::new(Arc::clone(&reader))).await;
    (gateway.unwrap(), reader)
}

/// What FFmpeg makes of `input`: the times and a hash of each packet of the video. By ffprobe, since the
/// layer's ffmpeg has no muxer for hashes.
async fn packets(args: Vec<std::ffi::OsString>) -> String {
    let entries = "packet=pts,dts,duration,size,flags,data_hash";
    let output = Command::new(&settings(&[]).ffprobe)
        .args(["-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"])
        .args(["-show_data_hash", "md5", "-show_entries", entries])
        .args(args)
        .stderr(Stdio::inherit())
        .output();
    String::from_utf8(output.await.unwrap().stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_finds_the_same_packets_as_in_the_file() {
    for name in ["d45", "d18", "d15", "d17", "d16"] {
        let env = TestEnv::start().await;
        let (gateway, reader) = gateway(&env, name).await;
        let input = gateway.input(None);
        let read = packets(input.args()).await;
        let file = media::video(name);
        let direct = packets(vec!["-i".into(), file.clone().into()]).await;
        assert!(read.lines().count() > 20, "{name}: {read}");
        assert_eq!(read, direct, "{name}");
        let (bytes, length) = (reader.bytes_read(), reader.len());
        // What had come of a block when FFmpeg went elsewhere comes again.
        let most = length + 128 * 1024;
        assert!(bytes <= most, "{name}: {bytes} of {length} bytes");
        assert!(gateway.failure().is_none());
    }
}

/// The answer to `GET path`, as it comes.
async fn get(gateway: &LoopbackProxy, path: &str, range: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port()))
        .await
        .unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nrange: {range}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn path(gateway: &LoopbackProxy) -> String {
    let url = gateway.url();
    let at = url.rfind('/').unwrap();
    url[at..].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_know_the_path_gets_nothing() {
    let env = TestEnv::start().await;
    let (gateway, reader) = gateway(&env, "d45").await;
    for path in ["/", "/cars.mp4", "/../etc/passwd"] {
        let answer = get(&gateway, path, "bytes=0-9").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    assert_eq!(reader.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_behind_the_end_are_refused() {
    let env = TestEnv::start().await;
    let (gateway, reader) = gateway(&env, "d45").await;
    let path = path(&gateway);
    let answer = get(&gateway, &path, &format!("bytes={}-", reader.len())).await;
    assert!(answer.starts_with("HTTP/1.1 416"), "{answer}");
    let answer = get(&gateway, &path, "bytes=4-7").await;
    assert!(answer.starts_with("HTTP/1.1 206"), "{answer}");
    assert!(answer.ends_with("ftyp"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_reads_is_mostly_not_fetched() {
    let env = TestEnv::start().await;
    let (gateway, reader) = gateway(&env, "d44").await;
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port()))
        .await
        .unwrap();
    let request = format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", path(&gateway));
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 100]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let bytes = reader.bytes_read();
    assert!(bytes < 2 * 1024 * 1024, "{bytes} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_and_comes_back_goes_on_with_the_same_answer() {
    let env = TestEnv::start().await;
    let (gateway, reader) = gateway(&env, "d44").await;
    let film = std::fs::read(media::video("d44")).unwrap();
    // Within what has come, a little behind it, and far behind.
    for (start, requests) in [(0, 1), (40_000, 1), (100_000, 1), (1_900_000, 2)] {
        let read = beginning(&gateway, start, 100).await;
        assert_eq!(read, film[start..start + 100], "{start}");
        assert_eq!(reader.requests(), requests, "{start}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_since_does_not_come_again_with_an_answer_that_waited() {
    let env = TestEnv::start().await;
    let (gateway, reader) = gateway(&env, "d44").await;
    let film = std::fs::read(media::video("d44")).unwrap();
    beginning(&gateway, 0, 100).await;
    let first = reader.bytes_read();
    beginning(&gateway, 600_000, 1_500_000).await;
    let before = reader.bytes_read();
    // With an end, or else the gateway would read ahead into this socket's buffers.
    let read = taken(&gateway, "bytes=100000-2099999", 2_000_000).await;
    assert!(read == film[100_000..2_100_000]);
    let bytes = reader.bytes_read() - before;
    // The first answer goes on to the block that is known by then, and one piece further; what is
    // behind the known is read to the end of its block.
    let (known, piece, block) = (589_824, 65_536, 32_768);
    let most = known - first + piece + block;
    assert!(bytes <= most, "{bytes} bytes, {most} at most");
}

/// What a reader gets that takes `bytes` bytes from `start` on, and goes away.
async fn beginning(gateway: &LoopbackProxy, start: usize, bytes: usize) -> Vec<u8> {
    taken(gateway, &format!("bytes={start}-"), bytes).await
}

/// The first `bytes` bytes of the answer to a request for `range`.
async fn taken(gateway: &LoopbackProxy, range: &str, bytes: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port()))
        .await
        .unwrap();
    let path = path(gateway);
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nrange: {range}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let mut body = vec![0; bytes];
    stream.read_exact(&mut body).await.unwrap();
    drop(stream);
    // Until the gateway has seen that.
    tokio::time::sleep(Duration::from_secs(1)).await;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_knows_what_became_of_the_source() {
    let env = TestEnv::start().await;
    let (gateway, _reader) = gateway(&env, "d45").await;
    env.adopt_video(KEY, "d44").await;
    let read = get(&gateway, &path(&gateway), "bytes=0-99").await;
    assert!(!read.contains("ftyp"), "{read}");
    let failure = gateway.failure();
    assert!(
        matches!(failure, Some(ReadError::Replaced(_))),
        "{failure:?}"
    );
}

//! Ranges of a source on a real S3 server: whole, exactly counted, and of one version only.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::primitives::ByteStream;
use gifgen_reader::{BlockCache, Http, ReadError, Reader};
use gifgen_shared::{ETag, PinnedSource, Source, SourceKey};
use gifgen_testkit::{
    broken_connections::{Fault, Proxy},
    stale_connections::StaleConnectionProxy,
    test_env::{FILMS, TestEnv},
};

const KEY: &str = "a b/ü+.mp4";

const BYTES: usize = 1_000_003;

/// A source of [`BYTES`] bytes that are all known.
struct Film {
    env: TestEnv,
    etag: ETag,
}

fn content() -> Vec<u8> {
    (0..BYTES).map(|at| (at * 31 / 7) as u8).collect()
}

impl Film {
    async fn uploaded() -> Self {
        let env = TestEnv::start().await;
        let etag = put(&env, content()).await;
        Self { env, etag }
    }

    /// A reader whose connections to S3 suffer `fault(n)`.
    async fn reader(&self, expiry: Duration, fault: fn(usize) -> Fault) -> (Arc<Reader>, Proxy) {
        let proxy = Proxy::start(&self.env.stack().s3_endpoint(), fault).await;
        (self.reader_behind(&proxy.endpoint, expiry), proxy)
    }

    /// A reader that reaches S3 through the proxy at `endpoint`.
    fn reader_behind(&self, endpoint: &str, expiry: Duration) -> Arc<Reader> {
        let s3 = self.env.s3_behind(endpoint);
        let source = Source {
            bucket: FILMS.into(),
            key: SourceKey::plain(KEY).unwrap(),
            etag: None,
        };
        let pinned = PinnedSource::new(source, self.etag.clone(), BYTES as u64);
        let http = Http::new().unwrap();
        Reader::new(http, s3, pinned, expiry)
    }
}

async fn put(env: &TestEnv, content: Vec<u8>) -> ETag {
    let request = env.s3().put_object().bucket(FILMS).key(KEY);
    let put = request.body(ByteStream::from(content)).send().await;
    ETag::new(put.unwrap().e_tag().unwrap()).unwrap()
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_range_comes_whole_with_one_request_and_is_counted_to_the_byte() {
    let film = Film::uploaded().await;
    let (reader, _proxy) = film.reader(HOUR, |_| Fault::None).await;
    let read = reader.read(10..500_010).await.unwrap();
    assert!(read == content()[10..500_010]);
    assert_eq!((reader.bytes_read(), reader.requests()), (500_000, 1));
    let end = reader.read(BYTES as u64 - 3..u64::MAX).await.unwrap();
    assert!(end == content()[BYTES - 3..]);
    assert!(
        reader
            .read(BYTES as u64..u64::MAX)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_taken_up_where_it_broke() {
    let film = Film::uploaded().await;
    let (reader, proxy) = film
        .reader(HOUR, |connection| match connection {
            0 | 2 => Fault::CutAfter(100_000),
            1 => Fault::Unavailable,
            _ => Fault::None,
        })
        .await;
    let read = reader.read(0..BYTES as u64).await.unwrap();
    assert!(read == content());
    assert_eq!(reader.bytes_read(), BYTES as u64, "nothing twice");
    assert_eq!((reader.requests(), proxy.connections()), (4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_over_a_new_connection_is_counted() {
    let film = Film::uploaded().await;
    let stale_proxy = StaleConnectionProxy::start(&film.env.stack().s3_endpoint()).await;
    let reader = film.reader_behind(stale_proxy.endpoint(), HOUR);
    assert!(reader.read(0..10).await.unwrap() == content()[..10]);
    // A connection goes back to the pool a moment after its answer, when that is up to the machine.
    let mut reads = 1;
    while stale_proxy.reset() == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stale_proxy.freeze();
        assert!(reader.read(10..20).await.unwrap() == content()[10..20]);
        reads += 1;
    }
    assert_eq!((reader.requests(), stale_proxy.reset()), (reads + 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_is_named_without_the_url() {
    let film = Film::uploaded().await;
    let (reader, _proxy) = film.reader(HOUR, |_| Fault::Unavailable).await;
    let error = reader.read(0..10).await.unwrap_err();
    assert!(matches!(error, ReadError::Interrupted { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("503") && said.contains(KEY), "{said}");
    assert!(!said.contains("X-Amz") && !said.contains("http"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_replaced_is_not_read() {
    let film = Film::uploaded().await;
    let (reader, _proxy) = film.reader(HOUR, |_| Fault::None).await;
    put(&film.env, vec![7; BYTES]).await;
    let error = reader.read(0..10).await.unwrap_err();
    assert!(matches!(error, ReadError::Replaced(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_replaced_while_it_is_read_is_not_mixed_with_its_successor() {
    let film = Film::uploaded().await;
    let (reader, _proxy) = film
        .reader(HOUR, |connection| match connection {
            0 => Fault::CutAfter(100_000),
            _ => Fault::None,
        })
        .await;
    let mut stream = reader.stream(0..BYTES as u64);
    stream.next().await.unwrap();
    put(&film.env, vec![7; BYTES]).await;
    let ending = loop {
        match stream.next().await {
            Ok(Some(_)) => {}
            ending => break ending,
        }
    };
    assert!(matches!(ending, Err(ReadError::Replaced(_))), "{ending:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_deleted_is_gone() {
    let film = Film::uploaded().await;
    let (reader, _proxy) = film.reader(HOUR, |_| Fault::None).await;
    let delete = film.env.s3().delete_object().bucket(FILMS).key(KEY);
    delete.send().await.unwrap();
    let error = reader.read(0..10).await.unwrap_err();
    assert!(matches!(error, ReadError::Gone(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_has_expired_is_replaced_by_a_fresh_one() {
    let film = Film::uploaded().await;
    let (reader, _proxy) = film.reader(Duration::from_secs(1), |_| Fault::None).await;
    assert!(reader.read(0..10).await.unwrap() == content()[..10]);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert!(reader.read(10..20).await.unwrap() == content()[10..20]);
    assert_eq!(reader.requests(), 3, "one of them in vain");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_not_read_again() {
    let film = Film::uploaded().await;
    let (reader, _proxy) = film.reader(HOUR, |_| Fault::None).await;
    let blocks = BlockCache::new(Arc::clone(&reader));
    for range in [300_000..400_000, 310_000..390_000, 299_000..399_999] {
        let read = blocks.read(range.clone()).await.unwrap();
        assert!(read == content()[range.start as usize..range.end as usize]);
    }
    assert_eq!(reader.requests(), 1);
    let all = blocks.read(0..u64::MAX).await.unwrap();
    assert!(all == content());
    assert_eq!(reader.requests(), 3, "one for each gap");
    assert_eq!(reader.bytes_read(), BYTES as u64);
}

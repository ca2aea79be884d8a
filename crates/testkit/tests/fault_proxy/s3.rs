//! The fault proxy before the embedded S3 server.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aws_sdk_s3::{
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    presigning::PresigningConfig,
};
use bytes::Bytes;
use gifgen_testkit::{
    clients,
    fault_proxy::{Dealt, FaultProxy, Faults, Kind},
    test_env::{FILMS, PREVIEWS, TestEnv},
};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, StatusCode, body::Incoming};
use hyper_util::{
    client::legacy::{Client, Error},
    rt::TokioExecutor,
};

use crate::first;

const KEY: &str = "a b.mp4";

/// A test environment with a video, and its S3 behind a proxy.
struct Faulty {
    env: TestEnv,
    proxy: FaultProxy,
    s3: aws_sdk_s3::Client,
    video: Bytes,
}

impl Faulty {
    async fn start(faults: Faults) -> Self {
        let env = TestEnv::start().await;
        let object = env.adopt_video(KEY, "d05").await;
        let video = std::fs::read(object.body).unwrap().into();
        let proxy = FaultProxy::start(&env.stack().s3_endpoint(), faults).await;
        let credentials = env.stack().credentials();
        let (id, secret) = (&credentials.access_key_id, &credentials.secret_access_key);
        // The SDK's own client, because ours retries after connection errors.
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(proxy.endpoint())
            .credentials_provider(Credentials::new(id, secret, None, None, "test"))
            .region(Region::new(clients::REGION))
            .force_path_style(true)
            .retry_config(RetryConfig::disabled())
            .build();
        Self {
            env,
            proxy,
            s3: aws_sdk_s3::Client::from_conf(config),
            video,
        }
    }

    async fn put(&self, key: &str) -> Result<(), impl std::error::Error> {
        let put = self.s3.put_object().bucket(PREVIEWS).key(key);
        let put = put.body(b"GIF89a".to_vec().into()).send().await;
        put.map(|_| ())
    }

    async fn is_there(&self, key: &str) -> bool {
        let objects = self.env.stack().store().list(PREVIEWS, key).await.unwrap();
        !objects.is_empty()
    }

    /// Reads the video as FFmpeg does: over a presigned URL, in one request.
    async fn read(&self, range: Option<&str>) -> Result<Response<Incoming>, Error> {
        let get = self.s3.get_object().bucket(FILMS).key(KEY);
        let minute = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
        let url = get.presigned(minute).await.unwrap();
        let mut request = Request::get(url.uri());
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        client.request(request.body(Empty::new()).unwrap()).await
    }

    async fn reads_all(&self) -> bool {
        let answer = self.read(None).await.unwrap();
        answer.status() == StatusCode::OK && whole(answer).await == self.video
    }
}

async fn whole(answer: Response<Incoming>) -> Bytes {
    answer.into_body().collect().await.unwrap().to_bytes()
}

/// Whether the error's deepest cause says `what`.
fn is_caused_by(error: &dyn std::error::Error, what: &str) -> bool {
    match error.source() {
        Some(source) => is_caused_by(source, what),
        None => error.to_string().contains(what),
    }
}

#[tokio::test]
async fn silence_gives_no_answer_and_closes_nothing() {
    let faulty = Faulty::start(first(&[Kind::Silence])).await;
    let reading = faulty.read(None);
    let waited = tokio::time::timeout(Duration::from_secs(3), reading).await;
    assert!(waited.is_err(), "{waited:?}");
    assert!(faulty.reads_all().await, "only the first request");
}

#[tokio::test]
async fn without_faults_all_goes_through_and_is_counted() {
    let faulty = Faulty::start(Faults {
        rate: 0.0,
        ..first(&[Kind::LostAnswer])
    })
    .await;
    assert!(faulty.reads_all().await);
    let part = faulty.read(Some("bytes=10-19")).await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(whole(part).await, faulty.video.slice(10..20));
    let head = faulty.s3.head_object().bucket(FILMS).key(KEY).send().await;
    let head = head.unwrap();
    assert_eq!(head.content_length, Some(faulty.video.len() as i64));
    let get = faulty.s3.get_object().bucket(FILMS).key(KEY);
    let unchanged = get.if_none_match(head.e_tag.unwrap()).send().await;
    assert_eq!(
        unchanged
            .unwrap_err()
            .raw_response()
            .unwrap()
            .status()
            .as_u16(),
        304
    );
    faulty.put("a.mp4/gifs/000000.gif").await.unwrap();
    let list = faulty
        .s3
        .list_objects_v2()
        .bucket(PREVIEWS)
        .prefix("a.mp4/gifs/");
    assert_eq!(list.send().await.unwrap().key_count, Some(1));
    let delete = faulty
        .s3
        .delete_object()
        .bucket(PREVIEWS)
        .key("a.mp4/gifs/000000.gif");
    delete.send().await.unwrap();
    let counts = [
        ("DELETE gifs", 1),
        ("GET source", 3),
        ("HEAD source", 1),
        ("ListObjectsV2 gifs", 1),
        ("PUT gifs", 1),
    ];
    let counts = counts.map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(faulty.proxy.requests(), BTreeMap::from(counts));
    assert_eq!(faulty.proxy.dealt(), []);
}

#[tokio::test]
async fn latency_is_waited_for() {
    let faulty = Faulty::start(first(&[Kind::Latency])).await;
    let start = Instant::now();
    assert!(faulty.reads_all().await);
    assert!(start.elapsed() >= Duration::from_millis(5));
}

#[tokio::test]
async fn a_cut_request_never_arrives() {
    let faulty = Faulty::start(first(&[Kind::CutRequest])).await;
    assert!(faulty.put("x").await.is_err());
    assert!(!faulty.is_there("x").await);
    faulty.put("x").await.unwrap();
    assert!(faulty.is_there("x").await);
}

#[tokio::test]
async fn a_lost_answer_is_that_of_a_request_that_was_handled() {
    let faulty = Faulty::start(first(&[Kind::LostAnswer])).await;
    assert!(faulty.put("x").await.is_err());
    assert!(faulty.is_there("x").await);
    assert!(faulty.read(None).await.is_err());
    assert!(faulty.reads_all().await);
}

#[tokio::test]
async fn a_cut_answer_is_reset_in_its_body() {
    let faulty = Faulty::start(first(&[Kind::CutAnswer])).await;
    let answer = faulty.read(None).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let error = answer.into_body().collect().await.unwrap_err();
    assert!(is_caused_by(&error, "reset"), "{error:?}");
    assert!(faulty.put("x").await.is_err());
    assert!(faulty.is_there("x").await);
    assert!(faulty.reads_all().await);
}

#[tokio::test]
async fn a_truncated_answer_is_shorter_than_it_says() {
    let faulty = Faulty::start(first(&[Kind::Truncate])).await;
    let answer = faulty.read(None).await.unwrap();
    let length = &answer.headers()["content-length"];
    assert_eq!(length, &*faulty.video.len().to_string());
    let error = answer.into_body().collect().await.unwrap_err();
    assert!(!is_caused_by(&error, "reset"), "{error:?}");
    assert!(faulty.reads_all().await);
}

#[tokio::test]
async fn a_status_is_an_answer_of_s3s_shape_and_nothing_arrives() {
    let faulty = Faulty::start(first(&[Kind::Status(503)])).await;
    let answer = faulty.read(None).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = whole(answer).await;
    assert!(body.starts_with(b"<Error><Code>SlowDown</Code>"));
    assert!(faulty.put("x").await.is_err());
    assert!(!faulty.is_there("x").await);
    assert!(
        faulty
            .s3
            .head_object()
            .bucket(FILMS)
            .key(KEY)
            .send()
            .await
            .is_err()
    );
    assert!(faulty.reads_all().await);
}

#[tokio::test]
async fn an_ignored_range_gives_the_whole_object() {
    let faulty = Faulty::start(first(&[Kind::IgnoreRange])).await;
    let answer = faulty.read(Some("bytes=10-19")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(whole(answer).await, faulty.video);
    let answer = faulty.read(Some("bytes=10-19")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
}

#[tokio::test]
async fn a_signed_range_is_not_ignored() {
    let faulty = Faulty::start(first(&[Kind::IgnoreRange])).await;
    let get = faulty.s3.get_object().bucket(FILMS).key(KEY);
    let part = get.range("bytes=10-19").send().await.unwrap();
    assert_eq!(part.content_length, Some(10));
}

#[tokio::test]
async fn a_healed_proxy_deals_no_faults() {
    let faulty = Faulty::start(Faults {
        most_per_target: usize::MAX,
        ..first(&[Kind::LostAnswer])
    })
    .await;
    assert!(faulty.read(None).await.is_err());
    assert!(faulty.read(None).await.is_err());
    faulty.proxy.heal();
    assert!(faulty.reads_all().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_deals_the_same_faults_to_requests_that_race() {
    let faults = Faults {
        seed: 11,
        rate: 0.5,
        kinds: &[Kind::CutRequest, Kind::LostAnswer, Kind::Status(500)],
        most_per_target: 2,
    };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let faulty = Faulty::start(faults).await;
        let keys: Vec<String> = (0..8).map(|n| format!("a/gifs/{n:06}.gif")).collect();
        futures::future::join_all(
            keys.iter()
                .map(|key| async { while faulty.put(key).await.is_err() {} }),
        )
        .await;
        let mut dealt: Vec<Dealt> = faulty.proxy.dealt();
        dealt.sort();
        runs.push(dealt);
    }
    assert!(runs[0].len() > 3, "{runs:?}");
    assert_eq!(runs[0], runs[1]);
}

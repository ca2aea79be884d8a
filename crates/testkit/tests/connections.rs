//! The clients of functions, `gifgen` and tests, against servers with stale connections, refusals,
//! and special addressing.

use std::time::Duration;

use aws_sdk_s3::{
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation,
        SharedCredentialsProvider, retry::RetryConfig,
    },
    error::ProvideErrorMetadata as _,
    presigning::PresigningConfig,
    primitives::ByteStream,
};
use aws_types::{SdkConfig, sdk_config::Builder};
use futures::future::join_all;
use gifgen_shared::{Addressing, Connections, Deadline};
use gifgen_testkit::{
    media,
    stale_connections::StaleConnectionProxy,
    stub_server::{Answer, ReceivedRequest, StubServer},
    test_env::{PREVIEWS, TestEnv},
};

fn config(endpoint: &str) -> Builder {
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::from_static("us-east-1"))
}

async fn upload(s3: &aws_sdk_s3::Client, key: &str) -> Result<(), aws_sdk_s3::Error> {
    let body = ByteStream::from_path(media::video("d05")).await.unwrap();
    let put = s3.put_object().bucket(PREVIEWS).key(key).body(body);
    put.send().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_connection_costs_no_attempt() {
    let env = TestEnv::start().await;
    let stale_proxy = StaleConnectionProxy::start(&env.stack().s3_endpoint()).await;
    let s3 = env.s3_behind(stale_proxy.endpoint());
    // Nothing is retried. Without TLS the SDK would sign trailers, and then no upload could be
    // repeated.
    let s3 = s3
        .config()
        .to_builder()
        .retry_config(RetryConfig::disabled());
    let s3 = s3.request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    let s3 = aws_sdk_s3::Client::from_conf(s3.build());
    for round in 0..3 {
        // Several at once, so that several connections are idle afterwards.
        let keys: Vec<String> = (0..8).map(|n| format!("{round}/{n}")).collect();
        let uploads = keys.iter().map(|key| upload(&s3, key));
        for uploaded in join_all(uploads).await {
            uploaded.unwrap();
        }
        stale_proxy.freeze();
    }
    assert!(stale_proxy.reset() > 0, "{stale_proxy:?}");
    let stored = env.stack().store().list(PREVIEWS, "").await.unwrap();
    let video = std::fs::metadata(media::video("d05")).unwrap().len();
    assert_eq!(stored.len(), 24);
    assert!(stored.iter().all(|object| object.bytes == video));
}

#[tokio::test(flavor = "multi_thread")]
async fn few_connections_stay_idle() {
    let env = TestEnv::start().await;
    let stale_proxy = StaleConnectionProxy::start(&env.stack().s3_endpoint()).await;
    let s3 = env.s3_behind(stale_proxy.endpoint());
    let keys: Vec<String> = (0..16).map(|n| n.to_string()).collect();
    for uploaded in join_all(keys.iter().map(|key| upload(&s3, key))).await {
        uploaded.unwrap();
    }
    // A connection returns to the pool a moment after its answer, and may stay there for 8 s.
    tokio::time::sleep(Duration::from_secs(2)).await;
    stale_proxy.freeze();
    for uploaded in join_all(keys.iter().map(|key| upload(&s3, key))).await {
        uploaded.unwrap();
    }
    assert!(stale_proxy.reset() <= 4, "{stale_proxy:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_idle_for_ten_seconds_is_not_used_again() {
    let env = TestEnv::start().await;
    let stale_proxy = StaleConnectionProxy::start(&env.stack().s3_endpoint()).await;
    let s3 = env.s3_behind(stale_proxy.endpoint());
    upload(&s3, "a").await.unwrap();
    let before = stale_proxy.opened();
    tokio::time::sleep(Duration::from_secs(10)).await;
    upload(&s3, "b").await.unwrap();
    assert!(stale_proxy.opened() > before, "{stale_proxy:?}");
}

/// A client with short retry pauses, for a server that refuses everything.
async fn refused(status: u16, code: &'static str) -> (StubServer, aws_sdk_s3::Client) {
    let server = StubServer::start(move |_| Answer::error(status, code, "on purpose")).await;
    let s3 = Connections::new(config(&server.endpoint()).build(), Addressing::Path).s3();
    let retries = RetryConfig::standard()
        .with_max_attempts(8)
        .with_initial_backoff(Duration::from_millis(20))
        .with_max_backoff(Duration::from_millis(20));
    let s3 = s3.config().to_builder().retry_config(retries).build();
    (server, aws_sdk_s3::Client::from_conf(s3))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_persists_is_sent_until_the_deadline_and_ends_with_what_s3_said() {
    let (server, s3) = refused(503, "SlowDown").await;
    let deadline = Deadline::after(Duration::from_secs(8));
    let (put, got) = deadline
        .persist(async {
            let get = s3.get_object().bucket(PREVIEWS).key("b.json");
            tokio::join!(upload(&s3, "a.gif"), get.send())
        })
        .await;
    assert!(deadline.left() > Duration::ZERO);
    assert_eq!(put.unwrap_err().code(), Some("SlowDown"));
    assert_eq!(got.unwrap_err().code(), Some("SlowDown"));
    for line in ["PUT", "GET"] {
        let asked = server.asked();
        let asked = asked.iter().filter(|asked| asked.line.starts_with(line));
        assert!(asked.count() > 8, "eight are what does not persist gets");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_persist_is_given_up_after_eight_attempts() {
    let (server, s3) = refused(503, "SlowDown").await;
    let deadline = Deadline::after(Duration::from_secs(60));
    let put = deadline.govern(upload(&s3, "a.gif")).await;
    assert_eq!(put.unwrap_err().code(), Some("SlowDown"));
    assert_eq!(server.asked().len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_conflict_is_sent_again() {
    for code in ["ConditionalRequestConflict", "OperationAborted"] {
        let (server, s3) = refused(409, code).await;
        let put = upload(&s3, "a.gif").await;
        assert_eq!(put.unwrap_err().code(), Some(code));
        assert_eq!(server.asked().len(), 8, "{code}");
        let (server, s3) = refused(409, code).await;
        let delete = s3.delete_object().bucket(PREVIEWS).key("a.gif");
        delete.if_match("\"b\"").send().await.unwrap_err();
        assert_eq!(server.asked().len(), 8, "{code}");
    }
}

/// The requests of an upload to a server at `http://{host}:PORT`.
async fn asked(
    host: &str,
    addressing: Addressing,
    more: fn(Builder) -> Builder,
) -> Vec<ReceivedRequest> {
    let server = StubServer::start(|_| Answer {
        status: 200,
        headers: vec![("etag", "\"9b2c\"")],
        ..Answer::default()
    })
    .await;
    let endpoint = server.endpoint().replace("127.0.0.1", host);
    let s3 = Connections::new(more(config(&endpoint)).build(), addressing).s3();
    let never_again = RetryConfig::disabled();
    let s3 = s3.config().to_builder().retry_config(never_again).build();
    upload(&aws_sdk_s3::Client::from_conf(s3), "a.gif")
        .await
        .ok();
    server.asked()
}

#[tokio::test]
async fn a_server_with_a_name_gets_the_bucket_in_the_path() {
    for addressing in [Addressing::Automatic, Addressing::Path] {
        let asked = asked("localhost", addressing, |config| config).await;
        assert!(
            asked[0].line.starts_with("PUT /previews/a.gif"),
            "{asked:?}"
        );
    }
    // The bucket's host name may not resolve on this machine, so nothing is sent.
    let aws = config("http://localhost:9").build();
    let s3 = Connections::new(aws, Addressing::Host).s3();
    let minute = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let url = s3.get_object().bucket(PREVIEWS).key("a.gif");
    let url = url.presigned(minute).await.unwrap();
    assert!(
        url.uri().starts_with("http://previews.localhost:9/a.gif?"),
        "{}",
        url.uri()
    );
}

#[tokio::test]
async fn uploads_carry_no_trailer_where_that_is_not_wanted() {
    let usual = asked("127.0.0.1", Addressing::Automatic, |config| config).await;
    assert!(usual[0].headers.contains("aws-chunked"), "{usual:?}");
    let plain = asked("127.0.0.1", Addressing::Automatic, |config| {
        config.request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
    });
    let plain = plain.await;
    assert!(!plain[0].headers.contains("aws-chunked"), "{plain:?}");
    assert!(!plain[0].headers.contains("x-amz-trailer"), "{plain:?}");
    let video = std::fs::metadata(media::video("d05")).unwrap().len();
    assert_eq!(plain[0].bytes as u64, video);
}

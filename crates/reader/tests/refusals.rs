//! What is said of a source that S3 does not give: status, code, region, and what to do. Never the URL.

use std::time::Duration;

use gifgen_reader::{Http, ReadError, Reader};
use gifgen_shared::{ETag, PinnedSource, Source, SourceKey, SourceState};
use gifgen_testkit::{
    clients,
    stub_server::{Answer, StubServer},
    test_env::{FILMS, TestEnv},
};

const MINUTE: Duration = Duration::from_secs(60);

fn source(bucket: &str) -> Source {
    Source {
        bucket: bucket.into(),
        key: SourceKey::plain("a film.mp4").unwrap(),
        etag: None,
    }
}

/// What a HEAD of a source says, of a server with these answers to HEAD and to GET, and how many
/// requests that took.
async fn looked_at(head: Answer, get: Answer) -> (String, usize) {
    let server = StubServer::start(move |line| {
        assert!(!line.starts_with("PUT"), "{line}");
        if line.starts_with("HEAD") {
            head.clone()
        } else {
            get.clone()
        }
    })
    .await;
    let s3 = clients::s3(&server.endpoint(), "test", "test");
    let error = source(FILMS).state(&s3).await.unwrap_err();
    for asked in server
        .asked()
        .iter()
        .filter(|asked| asked.line.starts_with("GET"))
    {
        assert!(asked.headers.contains("range: bytes=0-0\n"), "{asked:?}");
    }
    (error.to_string(), server.asked().len())
}

fn status(status: u16) -> Answer {
    Answer {
        status,
        ..Answer::default()
    }
}

#[tokio::test]
async fn a_refused_head_is_explained_by_the_body_of_a_get() {
    let denied = Answer::error(
        403,
        "AccessDenied",
        "not authorized to perform: kms:Decrypt",
    );
    let (said, requests) = looked_at(status(403), denied).await;
    assert_eq!(
        said,
        "failed to look at s3://films/a film.mp4: S3 answers 403 AccessDenied: not authorized to \
         perform: kms:Decrypt; grant the role kms:Decrypt and kms:GenerateDataKey on the bucket's KMS key"
    );
    assert_eq!(requests, 2);
}

#[tokio::test]
async fn a_refused_head_names_the_right_that_is_missing() {
    let denied = Answer::error(403, "AccessDenied", "Access Denied");
    let (said, _) = looked_at(status(403), denied).await;
    assert!(
        said.contains("403 AccessDenied: Access Denied; grant the role s3:GetObject"),
        "{said}"
    );
}

#[tokio::test]
async fn a_bucket_in_another_region_is_named_with_its_region() {
    let elsewhere = |status| Answer {
        status,
        headers: vec![("x-amz-bucket-region", "ap-south-1")],
        ..Answer::default()
    };
    for answer in [elsewhere(301), elsewhere(400)] {
        let (said, _) = looked_at(answer.clone(), answer).await;
        assert!(
            said.ends_with("; the bucket is in ap-south-1: set AWS_REGION to that"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_bad_request_for_an_object_names_unknown_keys() {
    let said = "The object was stored using a form of Server Side Encryption.";
    let (said, _) = looked_at(status(400), Answer::error(400, "InvalidRequest", said)).await;
    assert!(
        said.contains("400 InvalidRequest") && said.contains("SSE-C"),
        "{said}"
    );
}

#[tokio::test]
async fn a_mistyped_bucket_is_not_a_deleted_object() {
    let env = TestEnv::start().await;
    let error = source("flims").state(env.s3()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to look at s3://flims/a film.mp4: there is no bucket flims: check its name"
    );
    let state = source(FILMS).state(env.s3()).await.unwrap();
    assert_eq!(state, SourceState::Gone);
}

/// What reading says of a server with this answer, and how many requests that took.
async fn read(answer: Answer) -> (String, usize) {
    let server = StubServer::start(move |_| answer.clone()).await;
    let s3 = clients::s3(&server.endpoint(), "AKIAEXAMPLE", "test");
    let etag = ETag::new("9b2c").unwrap();
    let pinned = PinnedSource::new(source(FILMS), etag, 100);
    let reader = Reader::new(Http::new().unwrap(), s3, pinned, MINUTE);
    let error = reader.read(0..10).await.unwrap_err();
    assert!(matches!(error, ReadError::Interrupted { .. }), "{error}");
    for secret in ["X-Amz", "AKIAEXAMPLE", "http://"] {
        assert!(!error.to_string().contains(secret), "{error}");
    }
    (error.to_string(), server.asked().len())
}

#[tokio::test]
async fn a_refused_read_says_why_and_is_given_up_soon() {
    let (said, requests) = read(Answer::error(403, "InvalidObjectState", "in GLACIER.")).await;
    assert_eq!(
        said,
        "failed to read s3://films/a film.mp4: S3 answers 403 InvalidObjectState: in GLACIER; the object is \
         archived: restore it"
    );
    // Each with a URL of its own: the first may have expired.
    assert_eq!(requests, 3);
}

#[tokio::test]
async fn a_refused_read_never_echoes_the_signed_request() {
    let echo = "GET /films/a?X-Amz-Credential=AKIAEXAMPLE&amp;X-Amz-Signature=5ec2e7";
    let body = Answer::error(403, "SignatureDoesNotMatch", echo);
    let (said, _) = read(body).await;
    assert!(
        said.ends_with("403 SignatureDoesNotMatch; check the credentials"),
        "{said}"
    );
}

#[tokio::test]
async fn a_huge_error_is_not_read_to_its_end() {
    let mut answer = Answer::error(403, "AccessDenied", "no");
    answer.body = "x".repeat(10_000_000) + &answer.body;
    let (said, _) = read(answer).await;
    assert!(said.contains("S3 answers 403; grant"), "{said}");
}

//! `gifgen` against an S3 other than AWS, set by the environment.

use gifgen_testkit::{
    stub_server::{Answer, StubServer},
    test_env::{FILMS, PREVIEWS},
};
use tokio::process::Command;

/// Runs `gifgen status` with these variables. Returns the exit code and the output.
async fn status(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gifgen"))
        .args(["status", "a film.mp4", "--bucket", FILMS])
        .envs([
            ("DESTINATION_BUCKET", PREVIEWS),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "eu-central-1"),
        ])
        .envs(variables.iter().copied())
        .output()
        .await
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[tokio::test]
async fn an_endpoint_with_a_name_gets_the_bucket_in_the_path() {
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let server = StubServer::start(|_| Answer::error(404, "NoSuchKey", "none")).await;
        let endpoint = server.endpoint().replace("127.0.0.1", "localhost");
        let (code, said) = status(&[(variable, &endpoint)]).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("there is no run of a film.mp4"), "{said}");
        assert!(
            server.asked()[0].line.starts_with("GET /previews/"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_bucket_in_another_region_and_a_mistyped_one_are_named() {
    let server = StubServer::start(|_| Answer {
        headers: vec![("x-amz-bucket-region", "ap-south-1")],
        ..Answer::error(301, "PermanentRedirect", "use another endpoint")
    })
    .await;
    let (code, said) = status(&[("AWS_ENDPOINT_URL", &server.endpoint())]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("the bucket is in ap-south-1: set AWS_REGION to that"),
        "{said}"
    );

    let server = StubServer::start(|_| Answer::error(404, "NoSuchBucket", "none")).await;
    let (code, said) = status(&[("AWS_ENDPOINT_URL", &server.endpoint())]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("there is no such bucket: check its name"),
        "{said}"
    );
}

#[tokio::test]
async fn an_addressing_style_that_does_not_exist_is_refused() {
    let (code, said) = status(&[("S3_ADDRESSING_STYLE", "pth")]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("must be auto, path or virtual"), "{said}");
}

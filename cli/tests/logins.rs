//! Logins: `gifgen` accepts the same profiles as the AWS CLI.

use std::{fs, path::Path, process::Output};

use gifgen_testkit::{
    events::object_created,
    program,
    test_env::{FILMS, PREVIEWS, TestEnv, invocation},
};
use serde_json::Value;
use tokio::process::Command;

const KEY: &str = "a.mp4";

/// A test environment with a video that has been split.
async fn env() -> TestEnv {
    let env = TestEnv::start().await;
    let etag = env.adopt_video(KEY, "d06").await.etag;
    let created = object_created(FILMS, KEY, &etag);
    let deadline = invocation(std::time::Duration::from_secs(60)).deadline;
    env.splitter(&[]).handle(&created, deadline).await.unwrap();
    env
}

/// Runs `gifgen status` for a user whose only credentials are those of the profile `films`, defined by
/// these lines.
async fn status(endpoint: &str, home: &Path, profile: &str) -> Output {
    let config = home.join("config");
    fs::write(
        &config,
        format!("[profile films]\nregion = us-east-1\n{profile}"),
    )
    .unwrap();
    Command::new(env!("CARGO_BIN_EXE_gifgen"))
        .args(["status", KEY, "--json", "--bucket", FILMS])
        .args(["--destination-bucket", PREVIEWS])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home)
        .env("AWS_CONFIG_FILE", config)
        .env("AWS_PROFILE", "films")
        .env("AWS_ENDPOINT_URL_S3", endpoint)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_profile_may_get_its_credentials_from_a_program() {
    let env = env().await;
    let helper = env.directory().join("credentials");
    let credentials = env.stack().credentials();
    let (id, secret) = (&credentials.access_key_id, &credentials.secret_access_key);
    let said = format!(r#"{{"Version": 1, "AccessKeyId": "{id}", "SecretAccessKey": "{secret}"}}"#);
    // A person may take longer to answer than S3.
    program::write(&helper, format!("#!/bin/sh\nsleep 17\necho '{said}'\n"));
    let profile = format!("credential_process = {}\n", helper.display());
    let endpoint = env.stack().s3_endpoint();
    let output = status(&endpoint, env.directory(), &profile).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&status["status"], &status["slices"]),
        (&"running".into(), &1.into())
    );
}

#[tokio::test]
async fn a_profile_of_identity_center_or_of_aws_login_only_lacks_the_login() {
    let home = tempfile::tempdir().unwrap();
    for profile in [
        "sso_session = work\nsso_account_id = 123456789012\nsso_role_name = Viewer\n\
         [sso-session work]\nsso_region = us-east-1\n\
         sso_start_url = https://example.awsapps.com/start\nsso_registration_scopes = sso:account:access\n",
        "login_session = arn:aws:iam::123456789012:user/viewer\n",
    ] {
        // Nobody listens at this address: without credentials no request is sent.
        let output = status("http://127.0.0.1:9", home.path(), profile).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(!said.contains("feature"), "{said}");
        assert!(
            said.to_lowercase().contains("token") || said.contains("login"),
            "{said}"
        );
    }
}

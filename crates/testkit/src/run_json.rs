//! Edits `run.json` as if time had passed, so that tests need not wait.

use aws_sdk_s3::Client;
use serde_json::{Value, json};

use crate::test_env::PREVIEWS;

/// An hour ago, in the ledger's time format.
pub fn an_hour_ago() -> Value {
    json!(chrono::Utc::now() - chrono::TimeDelta::hours(1))
}

/// Sets the time that the run of the source `key` was sent to an hour ago.
pub async fn sent_an_hour_ago(s3: &Client, key: &str) {
    change(s3, key, |run| {
        assert!(run["sent"].is_string(), "nobody has sent it: {run:?}");
        run["sent"] = an_hour_ago();
    })
    .await;
}

/// Edits the `run.json` of the source `key`.
pub async fn change(s3: &Client, key: &str, change: impl FnOnce(&mut Value)) {
    let mut run = read(s3, key).await;
    change(&mut run);
    let key = format!("{key}/run.json");
    let put = s3.put_object().bucket(PREVIEWS).key(key);
    let body = run.to_string().into_bytes();
    put.body(body.into()).send().await.unwrap();
}

/// Reads the `run.json` of the source `key`.
pub async fn read(s3: &Client, key: &str) -> Value {
    let get = s3.get_object().bucket(PREVIEWS);
    let got = get.key(format!("{key}/run.json")).send().await.unwrap();
    let body = got.body.collect().await.unwrap();
    serde_json::from_slice(&body.into_bytes()).unwrap()
}

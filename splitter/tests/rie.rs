//! The real splitter binary under Lambda's runtime emulator, on the embedded stack.

use gifgen_testkit::{
    events::saved, rie::Rie, test_env::TestEnv, unresponsive::UnresponsiveServer,
};
use serde_json::{Value, json};
use tokio::process::Command;

const SPLITTER: &str = env!("CARGO_BIN_EXE_splitter");

/// Key of the object in the saved events.
const SAVED_KEY: &str = "holiday films/100% café + crème (take 2) 東京.mp4";

fn patch(event: &mut Value, pointer: &str, value: &str) {
    *event.pointer_mut(pointer).unwrap() = json!(value);
}

#[tokio::test]
async fn the_saved_events_are_answered_and_split_when_their_object_is_there() {
    for (file, etag) in [
        ("s3-put.json", "/Records/0/s3/object/eTag"),
        ("object-created.json", "/detail/object/etag"),
    ] {
        let env = TestEnv::start().await;
        let mut events = env.our_events();
        let object = env.adopt_video(SAVED_KEY, "d06").await;
        let mut rie = Rie::start(SPLITTER, &env.environment()).await;
        let mut event = saved(file);
        let answer = rie.invoke(&event).await;
        let source = &answer["sources"][0];
        assert_eq!(
            source["status"], "ignored",
            "another version, {file}: {answer}"
        );
        assert_eq!(source["key"], SAVED_KEY);
        assert!(events.try_recv().is_err());

        patch(&mut event, etag, &object.etag);
        let answer = rie.invoke(&event).await;
        let source = &answer["sources"][0];
        assert_eq!(source["status"], "split", "{file}: {answer}");
        assert_eq!(source["slices"], 1);
        let slice = events.recv().await.unwrap();
        assert_eq!(slice["detail"]["key"], SAVED_KEY);
        assert_eq!(slice["detail"]["bucket"], "films");
    }
}

#[tokio::test]
async fn an_event_of_no_known_shape_is_answered_and_not_retried() {
    let env = TestEnv::start().await;
    let mut rie = Rie::start(SPLITTER, &env.environment()).await;
    let answer = rie.invoke(&json!({"detail": {}})).await;
    assert_eq!(answer["sources"], json!([]));
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("no S3 notification"),
        "{answer}"
    );
    assert!(answer.get("errorType").is_none());
}

#[tokio::test]
async fn a_bad_setting_ends_the_binary_at_start_with_a_message_that_says_what_is_wrong() {
    for (name, value, message) in [
        (
            "SLICE_SECONDS",
            "901",
            r#"SLICE_SECONDS is "901", and must be a whole number from 1 to 900"#,
        ),
        (
            "FRAMES",
            "many",
            r#"FRAMES is "many", and must be each, storyboard, both or none"#,
        ),
        ("DESTINATION_BUCKET", "", "DESTINATION_BUCKET is not set"),
    ] {
        let output = Command::new(SPLITTER)
            .env("DESTINATION_BUCKET", "previews")
            .env(name, value)
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        assert!(!output.status.success());
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(message), "{message:?} is not in {said}");
    }
}

#[tokio::test]
async fn a_source_that_hangs_is_answered_with_an_error_before_the_time_out() {
    let env = TestEnv::start().await;
    let unresponsive = UnresponsiveServer::start().await;
    let mut environment = env.environment();
    environment.push(("AWS_ENDPOINT_URL_S3".into(), unresponsive.endpoint()));
    environment.push(("AWS_LAMBDA_FUNCTION_TIMEOUT".into(), "3".into()));
    let mut rie = Rie::start(SPLITTER, &environment).await;
    let event = saved("s3-put.json");
    let (answer, ()) = tokio::join!(rie.invoke(&event), unresponsive.connected());
    assert!(answer["errorType"].is_string(), "{answer}");
    assert!(
        !answer["errorType"].as_str().unwrap().starts_with("Sandbox"),
        "{answer}"
    );
    assert_eq!(unresponsive.named_by(), Vec::<String>::new());
}

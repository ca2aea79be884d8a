//! PutEvents through the real SDK.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_eventbridge::error::ProvideErrorMetadata as _;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use gifgen_stack::Stack;
use serde_json::{Value, json};

fn client(stack: &Stack, access_key_id: &str) -> Client {
    let secret = &stack.credentials().secret_access_key;
    Client::from_conf(
        aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(stack.eventbridge_endpoint())
            .credentials_provider(Credentials::new(access_key_id, secret, None, None, "test"))
            .region(Region::new("us-east-1"))
            .build(),
    )
}

fn entry(detail: &Value) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .source("custom.gifGenerator")
        .detail_type("newVideoCreated")
        .detail(detail.to_string())
        .build()
}

async fn start() -> (tempfile::TempDir, Stack, Client) {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path()).await.unwrap();
    let client = client(&stack, &stack.credentials().access_key_id);
    (data, stack, client)
}

#[tokio::test]
async fn an_event_reaches_the_rules_that_match_it() {
    let (_data, stack, client) = start().await;
    let add = |name, pattern: Value| stack.bus().add_rule(name, &pattern).unwrap();
    let mut slices = add(
        "slices",
        json!({"source": ["custom.gifGenerator"], "detail-type": ["newVideoCreated"]}),
    );
    let mut films = add("films", json!({"detail": {"key": [{"suffix": ".mp4"}]}}));
    let mut inbox = add("inbox", json!({"detail": {"key": [{"prefix": "in/"}]}}));
    let mut others = add(
        "others",
        json!({"source": [{"anything-but": "custom.gifGenerator"}]}),
    );
    let detail = json!({"key": "in/größe \"1\".mp4", "start": 0, "end": 30, "length": 3294.024});
    let sent = client.put_events().entries(
        PutEventsRequestEntry::builder()
            .source("custom.gifGenerator")
            .detail_type("newVideoCreated")
            .detail(detail.to_string())
            .resources("arn:aws:s3:::films")
            .time(DateTime::from_secs(1_623_929_798))
            .event_bus_name("default")
            .build(),
    );
    let sent = sent.send().await.unwrap();
    assert_eq!(sent.failed_entry_count(), 0);
    let envelope = slices.recv().await.unwrap();
    assert_eq!(
        envelope,
        json!({
            "version": "0", "id": sent.entries()[0].event_id().unwrap(), "account": "000000000000",
            "source": "custom.gifGenerator", "detail-type": "newVideoCreated",
            "time": "2021-06-17T11:36:38Z", "region": "us-east-1",
            "resources": ["arn:aws:s3:::films"], "detail": detail,
        })
    );
    assert_eq!(films.recv().await.unwrap(), envelope);
    assert_eq!(inbox.recv().await.unwrap(), envelope);
    assert!(others.try_recv().is_err());
    stack.stop().await;
}

#[tokio::test]
async fn one_bad_entry_fails_alone() {
    let (_data, stack, client) = start().await;
    let pattern = json!({"source": ["custom.gifGenerator"]});
    let mut events = stack.bus().add_rule("all", &pattern).unwrap();
    let sent = client
        .put_events()
        .entries(entry(&json!({"at": 0})))
        .entries(entry(&json!("no object")))
        .entries(
            PutEventsRequestEntry::builder()
                .source("custom.gifGenerator")
                .build(),
        )
        .entries(entry(&json!({"at": 3})))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.failed_entry_count(), 2);
    let codes: Vec<_> = sent
        .entries()
        .iter()
        .map(|entry| entry.error_code())
        .collect();
    let (malformed, invalid) = (Some("MalformedDetail"), Some("InvalidArgument"));
    assert_eq!(codes, [None, malformed, invalid, None]);
    assert_eq!(events.recv().await.unwrap()["detail"]["at"], 0);
    assert_eq!(events.recv().await.unwrap()["detail"]["at"], 3);
    assert!(events.try_recv().is_err());
    stack.stop().await;
}

#[tokio::test]
async fn eleven_entries_or_too_many_bytes_are_refused_whole() {
    let (_data, stack, client) = start().await;
    let mut events = stack
        .bus()
        .add_rule("all", &json!({"source": [{"prefix": ""}]}))
        .unwrap();
    let eleven = vec![entry(&json!({})); 11];
    let refused = client
        .put_events()
        .set_entries(Some(eleven))
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 400);
    // Each is small enough, together they are not.
    let half = json!({"fill": "x".repeat(131_072)});
    let two = client
        .put_events()
        .entries(entry(&half))
        .entries(entry(&half));
    let refused = two.send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
    let huge = json!({"fill": "x".repeat(3_000_000)});
    let refused = client.put_events().entries(entry(&huge)).send().await;
    assert!(refused.is_err());
    assert!(
        events.try_recv().is_err(),
        "nothing of a refused request is delivered"
    );
    stack.stop().await;
}

#[tokio::test]
async fn a_stranger_and_an_unknown_operation_are_refused() {
    let (_data, stack, own) = start().await;
    let stranger = client(&stack, "AKIASTRANGER");
    let refused = stranger
        .put_events()
        .entries(entry(&json!({})))
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("UnrecognizedClientException"));
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 403);
    let refused = own.list_rules().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("UnknownOperationException"));
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 400);
    stack.stop().await;
}

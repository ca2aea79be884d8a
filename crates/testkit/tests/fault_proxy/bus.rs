//! The fault proxy before the event bus.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use gifgen_testkit::{
    clients,
    fault_proxy::{FaultProxy, Faults, Kind},
    put_events::{FailingBus, Verdict},
    test_env::TestEnv,
};
use tokio::sync::mpsc;

use crate::first;

/// A test environment whose event bus is behind a proxy, and a client for it.
async fn faulty_bus(faults: Faults) -> (TestEnv, FaultProxy, aws_sdk_eventbridge::Client) {
    let env = TestEnv::start().await;
    let proxy = FaultProxy::start(&env.stack().eventbridge_endpoint(), faults).await;
    let credentials = env.stack().credentials();
    let bus = clients::event_bridge(
        &proxy.endpoint(),
        &credentials.access_key_id,
        &credentials.secret_access_key,
    );
    (env, proxy, bus)
}

fn completion(n: usize) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .source("custom.gifGenerator")
        .detail_type("videoPreviewsCompleted")
        .detail(format!(r#"{{"n":{n}}}"#))
        .build()
}

#[tokio::test]
async fn entries_that_fail_do_not_arrive_and_the_others_do() {
    let (env, proxy, bus) = faulty_bus(first(&[Kind::FailEntries])).await;
    let mut events = env.our_events();
    let put = bus
        .put_events()
        .set_entries(Some((0..10).map(completion).collect()));
    let answer = put.send().await.unwrap();
    let failed = answer.failed_entry_count as usize;
    assert!((1..10).contains(&failed), "{failed}");
    for (n, result) in answer.entries().iter().enumerate() {
        match &result.event_id {
            Some(id) => {
                let event = events.try_recv().unwrap();
                assert_eq!(
                    (&event["detail"]["n"], &event["id"]),
                    (&n.into(), &(**id).into())
                );
            }
            None => assert_eq!(result.error_code(), Some("ThrottlingException")),
        }
    }
    assert!(events.is_empty());
    assert_eq!(proxy.lost_acknowledgements(), 0);
    let alone = bus
        .put_events()
        .entries(completion(0))
        .send()
        .await
        .unwrap();
    assert_eq!(alone.failed_entry_count, 0);
    assert_eq!(
        proxy.requests(),
        BTreeMap::from([("PutEvents".to_owned(), 2)])
    );
}

#[tokio::test]
async fn an_accepted_completion_whose_answer_is_destroyed_is_a_lost_acknowledgement() {
    for kind in [&[Kind::LostAnswer], &[Kind::CutAnswer], &[Kind::Truncate]] {
        let (env, proxy, bus) = faulty_bus(first(kind)).await;
        let mut events = env.our_events();
        // The SDK retries.
        bus.put_events()
            .entries(completion(0))
            .send()
            .await
            .unwrap();
        assert_eq!(proxy.lost_acknowledgements(), 1, "{kind:?}");
        assert!(events.try_recv().is_ok() && events.try_recv().is_ok());
    }
}

#[tokio::test]
async fn a_completion_that_never_arrived_is_no_lost_acknowledgement() {
    for kind in [
        &[Kind::CutRequest],
        &[Kind::Status(429)],
        &[Kind::Status(500)],
    ] {
        let (env, proxy, bus) = faulty_bus(first(kind)).await;
        let mut events = env.our_events();
        bus.put_events()
            .entries(completion(0))
            .send()
            .await
            .unwrap();
        assert_eq!(proxy.lost_acknowledgements(), 0, "{kind:?}");
        assert!(events.try_recv().is_ok() && events.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_whose_sender_is_gone_before_the_answer_is_a_lost_acknowledgement() {
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let (go, waiting) = std::sync::mpsc::channel();
    let waiting = Mutex::new(waiting);
    let slow = FailingBus::start(move |_, _| {
        heard.send(()).unwrap();
        waiting.lock().unwrap().recv().unwrap();
        Verdict::Take
    })
    .await;
    let proxy = FaultProxy::start(&slow.endpoint(), first(&[])).await;
    let bus = clients::event_bridge(&proxy.endpoint(), "test", "test");
    let put = tokio::spawn(bus.put_events().entries(completion(0)).send());
    hearing.recv().await.unwrap();
    put.abort();
    assert!(put.await.unwrap_err().is_cancelled());
    // The proxy may notice it only by the broken connection.
    tokio::time::sleep(Duration::from_millis(200)).await;
    go.send(()).unwrap();
    let counted = async {
        while proxy.lost_acknowledgements() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let minute = Duration::from_secs(60);
    tokio::time::timeout(minute, counted).await.unwrap();
    assert_eq!(slow.requests().len(), 1);
    assert_eq!(proxy.lost_acknowledgements(), 1);
}

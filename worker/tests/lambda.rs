//! The real binary of the worker as Lambda runs it: events come twice, and processes are killed.

use std::time::Duration;

use gifgen_testkit::{
    events::object_created,
    fault_proxy::{FaultProxy, Faults, Kind},
    lambda::{Lambda, Policy, Report},
    test_env::{FILMS, PREVIEWS, TestEnv, invocation},
};
use serde_json::Value;

const WORKER: &str = env!("CARGO_BIN_EXE_worker");

const LIMIT: Duration = Duration::from_secs(60);

const QUICK: [(&str, &str); 6] = [
    ("FRAMES", "each"),
    ("OVERVIEW", "none"),
    ("SLICE_SECONDS", "10"),
    ("GIF_WIDTH", "64"),
    ("GIF_FPS", "2"),
    ("FRAME_WIDTH", "160"),
];

/// An environment with a video of 30.16 seconds that has been split, and the events of its slices of ten.
async fn env_with_slices() -> (TestEnv, Vec<Value>) {
    let env = TestEnv::start().await;
    let etag = env.adopt_video("cars.mp4", "d45").await.etag;
    let mut slices = env.our_events();
    let created = object_created(FILMS, "cars.mp4", &etag);
    let deadline = invocation(LIMIT).deadline;
    let splitter = env.splitter(&QUICK);
    splitter.handle(&created, deadline).await.unwrap();
    let events = std::iter::from_fn(|| slices.try_recv().ok()).collect();
    (env, events)
}

/// A worker on the env.
fn worker(env: &TestEnv, more: &[(&str, &str)], policy: Policy) -> Lambda {
    let mut environment = env.environment();
    let variables = QUICK.iter().chain(more);
    environment.extend(variables.map(|(name, value)| (name.to_string(), value.to_string())));
    Lambda::start(WORKER, &environment, policy)
}

/// Names and ETags of the previews.
async fn outputs(env: &TestEnv) -> Vec<(String, String)> {
    let outputs = env.stack().store().list(PREVIEWS, "").await.unwrap();
    outputs
        .into_iter()
        .filter(|output| !output.key.ends_with(".json"))
        .map(|output| (output.key, output.etag))
        .collect()
}

/// What became of all slices under `policy`, which gives the outputs of fair weather.
async fn same_outputs_under(policy: Policy) -> Report {
    let mut runs = Vec::new();
    for policy in [Policy::default(), policy] {
        let (env, slices) = env_with_slices().await;
        let lambda = worker(&env, &[], policy);
        slices.into_iter().for_each(|slice| lambda.invoke(slice));
        lambda.idle(LIMIT).await;
        runs.push((outputs(&env).await, lambda.report()));
    }
    let (foul, report) = runs.pop().unwrap();
    let (fair, _) = runs.pop().unwrap();
    assert_eq!(fair.len(), 3 + 31 + 1);
    assert_eq!(fair, foul);
    for answer in &report.answers {
        assert_eq!(answer["status"], "done", "{answer}");
    }
    report
}

#[tokio::test]
async fn slices_that_come_twice_and_in_any_order_give_the_same_objects() {
    let report = same_outputs_under(Policy {
        seed: 3,
        duplicate: 1.0,
        reorder: true,
        delay: Duration::from_millis(50),
        ..Policy::default()
    })
    .await;
    assert_eq!((report.answers.len(), report.duplicates), (6, 3));
    assert!(report.errors.is_empty());
}

#[tokio::test]
async fn slices_whose_workers_are_killed_give_the_same_objects() {
    let report = same_outputs_under(Policy {
        kill: 1.0,
        kill_within: Duration::from_millis(100),
        // So that no slice is given up, whoever is killed.
        most_kills: 2,
        ..Policy::default()
    })
    .await;
    assert_eq!(
        (report.answers.len(), report.kills, report.retries),
        (3, 2, 2)
    );
    assert!(report.failed.is_empty());
}

#[tokio::test]
async fn a_slice_whose_workers_are_always_killed_goes_to_the_on_failure_destination() {
    let (env, mut slices) = env_with_slices().await;
    let slice = slices.swap_remove(0);
    let lambda = worker(
        &env,
        &[],
        Policy {
            kill: 1.0,
            kill_within: Duration::from_millis(50),
            most_kills: 3,
            ..Policy::default()
        },
    );
    lambda.invoke(slice.clone());
    lambda.idle(LIMIT).await;
    let report = lambda.report();
    assert_eq!((report.kills, report.retries), (3, 2));
    assert_eq!(report.failed.len(), 1);
    let record = &report.failed[0];
    assert_eq!(record["requestPayload"], slice);
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["responsePayload"]["errorType"], "Runtime.ExitError");
}

#[tokio::test(flavor = "multi_thread")]
async fn slices_that_are_rendered_through_faults_give_the_same_objects() {
    let (env, slices) = env_with_slices().await;
    let lambda = worker(&env, &[], Policy::default());
    slices.iter().for_each(|slice| lambda.invoke(slice.clone()));
    lambda.idle(LIMIT).await;
    let fair = outputs(&env).await;

    let (env, _) = env_with_slices().await;
    let faults = Faults {
        seed: 5,
        rate: 0.3,
        kinds: &[
            Kind::Latency,
            Kind::CutRequest,
            Kind::CutAnswer,
            Kind::LostAnswer,
            Kind::Truncate,
            Kind::Status(503),
            Kind::IgnoreRange,
        ],
        most_per_target: 2,
    };
    let proxy = FaultProxy::start(&env.stack().s3_endpoint(), faults).await;
    let endpoint = proxy.endpoint();
    let variables = [("AWS_ENDPOINT_URL_S3", &*endpoint)];
    let lambda = worker(&env, &variables, Policy::default());
    slices.into_iter().for_each(|slice| lambda.invoke(slice));
    lambda.idle(LIMIT).await;
    let (report, dealt) = (lambda.report(), proxy.dealt());
    assert!(report.failed.is_empty(), "{report:#?}\n{dealt:#?}");
    assert!(dealt.len() > 3, "{dealt:#?}");
    assert_eq!(outputs(&env).await, fair);
}

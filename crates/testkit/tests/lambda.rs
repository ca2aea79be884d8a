//! Tests of the Lambda emulation with a function that does what its events say.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::PathBuf,
    time::Duration,
};

use gifgen_testkit::{
    lambda::{Lambda, Policy},
    program, workspace_root,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::unbounded_channel,
    time::{sleep, timeout},
};

const LIMIT: Duration = Duration::from_secs(20);

/// The function `lambda.py` as an executable file, with its directory.
struct Function {
    program: PathBuf,
    gate: PathBuf,
    _directory: TempDir,
}

impl Function {
    fn new() -> Self {
        let python = workspace_root().join(".tools/venv/bin/python");
        assert!(
            python.exists(),
            "{} is missing: run `make setup`",
            python.display()
        );
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("function");
        let source = format!("#!{}\n{}", python.display(), include_str!("lambda.py"));
        program::write(&program, source);
        Self {
            program,
            gate: directory.path().join("gate"),
            _directory: directory,
        }
    }

    /// Lets it accept on-failure messages.
    fn open_gate(self) -> Self {
        fs::write(&self.gate, "").unwrap();
        self
    }

    fn host(&self, policy: Policy) -> Lambda {
        let gate = self.gate.to_str().unwrap();
        Lambda::start(&self.program, &[("GATE", gate)], policy)
    }
}

fn event(n: usize) -> Value {
    json!({"do": "answer", "n": n})
}

fn numbers(answers: &[Value]) -> Vec<u64> {
    let number = |answer: &Value| answer["event"]["n"].as_u64().unwrap();
    answers.iter().map(number).collect()
}

fn distinct(answers: &[Value], field: &str) -> usize {
    let values: HashSet<String> = answers.iter().map(|a| a[field].to_string()).collect();
    values.len()
}

#[tokio::test]
async fn each_event_is_answered_once_in_order_by_one_process() {
    let function = Function::new();
    let lambda = function.host(Policy {
        concurrency: 1,
        timeout: Duration::from_secs(30),
        ..Policy::default()
    });
    (0..5).for_each(|n| lambda.invoke(event(n)));
    lambda.idle(LIMIT).await;
    let report = lambda.report();
    assert_eq!(numbers(&report.answers), [0, 1, 2, 3, 4]);
    assert_eq!(distinct(&report.answers, "process"), 1);
    assert_eq!(distinct(&report.answers, "id"), 5);
    let left = report.answers[4]["left"].as_f64().unwrap();
    assert!((20_000.0..=30_000.0).contains(&left), "{left}");
    assert_eq!(
        report.answers[0]["arn"]
            .as_str()
            .unwrap()
            .split(':')
            .count(),
        7
    );
    assert!(report.errors.is_empty());
}

#[tokio::test]
async fn events_that_come_twice_have_two_request_ids_and_two_answers() {
    let function = Function::new();
    let lambda = function.host(Policy {
        duplicate: 1.0,
        delay: Duration::from_millis(50),
        ..Policy::default()
    });
    (0..5).for_each(|n| lambda.invoke(event(n)));
    lambda.idle(LIMIT).await;
    let report = lambda.report();
    let mut seen = numbers(&report.answers);
    seen.sort();
    assert_eq!(seen, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
    assert_eq!(distinct(&report.answers, "id"), 10);
    assert_eq!(report.duplicates, 5);
}

#[tokio::test]
async fn events_overtake_each_other_and_a_seed_has_its_request_ids() {
    let function = Function::new();
    let run = async |seed| {
        let lambda = function.host(Policy {
            seed,
            concurrency: 1,
            reorder: true,
            ..Policy::default()
        });
        (0..20).for_each(|n| lambda.invoke(event(n)));
        lambda.idle(LIMIT).await;
        let answers = lambda.report().answers;
        assert!(!numbers(&answers).is_sorted());
        answers.iter().map(|a| a["id"].to_string()).collect()
    };
    // The order may differ: it depends on timing which events wait when a process becomes free.
    let ids: BTreeSet<String> = run(1).await;
    assert_eq!(ids, run(1).await);
    assert!(ids.is_disjoint(&run(2).await));
}

#[tokio::test]
async fn everything_from_a_feed_is_answered_before_it_is_idle() {
    let function = Function::new();
    let mut lambda = function.host(Policy::default());
    let (sender, receiver) = unbounded_channel();
    lambda.feed(receiver);
    for n in 0..20 {
        sender.send(event(n)).unwrap();
        if n % 5 == 0 {
            lambda.idle(LIMIT).await;
            assert_eq!(lambda.report().answers.len(), n + 1);
        }
    }
    lambda.idle(LIMIT).await;
    assert_eq!(lambda.report().answers.len(), 20);
}

#[tokio::test]
async fn a_killed_invocation_is_repeated_in_another_process() {
    let function = Function::new();
    let lambda = function.host(Policy {
        kill: 1.0,
        kill_within: Duration::from_millis(20),
        most_kills: 2,
        ..Policy::default()
    });
    lambda.invoke(json!({"do": "sleep", "seconds": 0.2}));
    lambda.idle(LIMIT).await;
    let report = lambda.report();
    assert_eq!((report.kills, report.retries), (2, 2));
    assert_eq!(report.answers.len(), 1);
    let id = report.answers[0]["id"].as_str().unwrap();
    for error in &report.errors {
        assert_eq!(error["errorType"], "Runtime.ExitError");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(
            message.contains(id) && message.ends_with("signal: killed"),
            "{message}"
        );
    }
    assert_eq!((report.errors.len(), report.failed.len()), (2, 0));
}

#[tokio::test]
async fn an_event_that_always_fails_keeps_its_id_and_goes_to_the_destination_until_it_is_taken() {
    let function = Function::new().open_gate();
    let lambda = function.host(Policy::default());
    let event = json!({"do": "fail"});
    lambda.invoke(event.clone());
    lambda.idle(LIMIT).await;
    let report = lambda.report();
    assert_eq!((report.retries, report.kills), (2, 0));
    let record = &report.failed[0];
    let id = &record["requestContext"]["requestId"];
    let error = json!({"errorType": "Failed", "errorMessage": id});
    assert_eq!(report.errors, vec![error.clone(); 3], "one id for all");
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record["requestPayload"], event);
    assert_eq!(record["responsePayload"], error);
    let failures: Vec<usize> = report
        .answers
        .iter()
        .map(|answer| answer["batchItemFailures"].as_array().unwrap().len())
        .collect();
    assert_eq!(failures, [1, 1, 0]);
    assert_eq!(&report.answers[2]["took"], record);
}

#[tokio::test]
async fn a_process_that_ends_itself_is_replaced() {
    let function = Function::new().open_gate();
    let lambda = function.host(Policy {
        concurrency: 1,
        retries: 0,
        ..Policy::default()
    });
    lambda.invoke(json!({"do": "exit"}));
    lambda.invoke(event(1));
    lambda.idle(LIMIT).await;
    let report = lambda.report();
    assert_eq!(report.errors[0]["errorType"], "Runtime.ExitError");
    assert_eq!(report.answers[0]["event"], event(1));
}

#[tokio::test]
async fn an_invocation_that_takes_too_long_is_ended() {
    let function = Function::new().open_gate();
    let lambda = function.host(Policy {
        retries: 0,
        timeout: Duration::from_millis(300),
        ..Policy::default()
    });
    lambda.invoke(json!({"do": "sleep"}));
    lambda.idle(LIMIT).await;
    let report = lambda.report();
    assert_eq!(report.errors[0]["errorType"], "Sandbox.Timedout");
    assert_eq!((report.kills, report.failed.len()), (0, 1));
}

#[tokio::test]
#[should_panic(expected = "10 times the function did not take")]
async fn a_message_that_is_never_taken_ends_the_test() {
    let function = Function::new();
    let lambda = function.host(Policy {
        retries: 0,
        retry_pause: Duration::from_millis(1),
        ..Policy::default()
    });
    lambda.invoke(json!({"do": "fail"}));
    lambda.idle(LIMIT).await;
}

#[tokio::test]
#[should_panic(expected = "1 events are still outstanding")]
async fn what_does_not_end_in_time_ends_the_test() {
    let function = Function::new();
    let lambda = function.host(Policy::default());
    lambda.invoke(json!({"do": "sleep"}));
    lambda.idle(Duration::from_millis(300)).await;
}

fn is_stopped(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    status.rsplit(')').next().unwrap().starts_with(" T")
}

#[tokio::test]
async fn a_process_stands_still_between_invocations_if_it_is_to() {
    let function = Function::new();
    let lambda = function.host(Policy {
        concurrency: 1,
        freeze: true,
        ..Policy::default()
    });
    for n in 0..3 {
        lambda.invoke(event(n));
        lambda.idle(LIMIT).await;
        let process = lambda.report().answers[0]["process"].to_string();
        // A signal takes effect a moment after it is sent.
        let stopping = async {
            while !is_stopped(&process) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LIMIT, stopping).await.unwrap();
    }
    let answers = lambda.report().answers;
    assert_eq!(numbers(&answers), [0, 1, 2]);
    assert_eq!(distinct(&answers, "process"), 1);
}

#[tokio::test]
async fn no_process_outlives_it() {
    let function = Function::new();
    let lambda = function.host(Policy::default());
    lambda.invoke(event(0));
    lambda.idle(LIMIT).await;
    let process = lambda.report().answers[0]["process"].to_string();
    let status = format!("/proc/{process}/stat");
    assert!(fs::exists(&status).unwrap());
    drop(lambda);
    // A dead process is a zombie until its status is collected.
    let state = fs::read_to_string(&status).unwrap_or_else(|_| ") Z".into());
    assert!(
        state.rsplit_once(") ").unwrap().1.starts_with('Z'),
        "{state}"
    );
}

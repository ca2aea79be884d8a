//! Runs the rules of `template.yaml` on the embedded bus, expanded as in a deployment. Events that start
//! the functions on AWS start them here. The rules of `gifgen run` differ only where it says so.

use std::{collections::BTreeSet, process::Command, time::Duration};

use gifgen::{
    dispatch::PipelineEvent,
    local::{DESTINATION_BUCKET, Local, SOURCE_BUCKET, cores},
    options::SettingFlags,
    run::{created_pattern, job_pattern},
};
use gifgen_shared::JobId;
use gifgen_splitter::{Outcome, Status};
use gifgen_testkit::{media, workspace_root};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Longest wait for the next event.
const PATIENCE: Duration = Duration::from_secs(60);

/// Event pattern of a rule of the expanded template, with the buckets' local names.
fn pattern_of(rule: &str) -> Value {
    let root = workspace_root();
    let expanded = Command::new(root.join(".tools/venv/bin/python"))
        .args(["scripts/expand-template.py", "template.yaml"])
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .current_dir(&root)
        .output()
        .unwrap_or_else(|error| panic!("no Python tools ({error}); run: make setup"));
    let said = String::from_utf8_lossy(&expanded.stderr);
    assert!(expanded.status.success(), "{said}");
    let template: Value = serde_json::from_slice(&expanded.stdout).unwrap();
    let pattern = &template["Resources"][rule]["Properties"]["EventPattern"];
    assert!(pattern.is_object(), "no rule {rule}: {pattern}");
    resolved(pattern)
}

/// Replaces the references in `value` by the local names.
fn resolved(value: &Value) -> Value {
    match value {
        Value::Object(fields) => match fields.get("Ref") {
            Some(Value::String(name)) if name == "SourceBucket" => json!(SOURCE_BUCKET),
            Some(other) => panic!("the pattern refers to {other}, which has no local name"),
            None => (fields.iter())
                .map(|(name, value)| (name.clone(), resolved(value)))
                .collect(),
        },
        Value::Array(values) => values.iter().map(resolved).collect(),
        plain => plain.clone(),
    }
}

#[test]
fn the_rules_of_a_run_are_those_of_the_template_but_for_the_endings_of_keys() {
    let mut created = pattern_of("SplitterFunctionObjectCreated");
    let object = created["detail"]
        .as_object_mut()
        .unwrap()
        .remove("object")
        .unwrap();
    let endings = object["key"].as_array().unwrap();
    assert!(object.as_object().unwrap().len() == 1 && endings.len() > 10);
    assert_eq!(created_pattern(), created);
    assert_eq!(job_pattern(), pattern_of("WorkerFunctionSlice"));
}

#[tokio::test]
async fn under_the_rules_of_the_template_videos_become_previews_and_nothing_else_starts() {
    let out = tempfile::tempdir().unwrap();
    let local = Local::start(
        std::net::Ipv4Addr::LOCALHOST.into(),
        out.path(),
        &SettingFlags::default(),
        cores(),
    )
    .await
    .unwrap();
    let bus = local.stack.bus();
    let created = bus
        .add_rule("created", &pattern_of("SplitterFunctionObjectCreated"))
        .unwrap();
    let slices = bus
        .add_rule("slices", &pattern_of("WorkerFunctionSlice"))
        .unwrap();
    let mut running = local.dispatcher.start(created, slices);
    let store = local.stack.store();
    let video = media::video("d02");
    // Each has another extension or another place. The videos come last, so all of these came before.
    for (bucket, key) in [
        (SOURCE_BUCKET, "notes.txt"),
        (SOURCE_BUCKET, "film.mp4.part"),
        (SOURCE_BUCKET, "mp4"),
        (DESTINATION_BUCKET, "film.mp4"),
        (SOURCE_BUCKET, "holiday/film.mp4"),
        (SOURCE_BUCKET, "LOUD.MP4"),
    ] {
        store.adopt(bucket, key, &video).await.unwrap();
    }
    let wanted = BTreeSet::from(["holiday/film.mp4".to_owned(), "LOUD.MP4".to_owned()]);
    let jobs = |key: &String| [JobId::Overview(0), JobId::Slice(0)].map(|job| (key.clone(), job));
    let all: BTreeSet<(String, JobId)> = wanted.iter().flat_map(jobs).collect();
    let (mut split, mut done) = (BTreeSet::new(), BTreeSet::new());
    while done != all {
        match timeout(PATIENCE, running.next()).await.unwrap().unwrap() {
            PipelineEvent::Source(Outcome {
                key,
                status: Status::Split { .. },
                ..
            }) => assert!(split.insert(key)),
            PipelineEvent::JobDone { key, job } => assert!(done.insert((key, job))),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(split, wanted);
    drop(running);
    let previews = store.list(DESTINATION_BUCKET, "").await.unwrap();
    for key in &wanted {
        let manifest = format!("{key}/manifest.json");
        assert!(previews.iter().any(|object| object.key == manifest));
    }
    local.stop().await.unwrap();
}

//! A run on the embedded stack, and what is looked at when it is over.

use std::{collections::BTreeMap, time::Duration};

use gifgen_ledger::{Ledger, Manifest, Run};
use gifgen_shared::{Deadline, Job, SourceKey};
use gifgen_splitter::Splitter;
use gifgen_stack::ObjectInfo;
use gifgen_testkit::{
    events::object_created,
    program,
    test_env::{FILMS, PREVIEWS, TestEnv, invocation},
};
use gifgen_worker::{Answer, Worker};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

pub const MINUTE: Duration = Duration::from_secs(60);

/// Key of the video.
pub const KEY: &str = "a film.mp4";

/// Settings that make slices of five seconds with GIFs and stills, quickly, and no overview.
pub const QUICK: [(&str, &str); 6] = [
    ("SLICE_SECONDS", "5"),
    ("GIF_WIDTH", "48"),
    ("GIF_FPS", "2"),
    ("FRAME_WIDTH", "48"),
    ("FRAMES", "each"),
    ("OVERVIEW", "none"),
];

/// The same with all kinds of stills, and an overview.
pub const ALL: [(&str, &str); 4] = [QUICK[0], QUICK[1], QUICK[2], QUICK[3]];

/// `settings` with others added.
pub fn with<'a>(
    settings: &[(&'a str, &'a str)],
    others: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let is_kept = |(name, _): &&(&str, &str)| others.iter().all(|(other, _)| other != name);
    settings
        .iter()
        .filter(is_kept)
        .chain(others)
        .copied()
        .collect()
}

/// Sends the event of an upload to the splitter until it takes it, as Lambda would.
pub async fn split(splitter: &Splitter, etag: &str) -> Value {
    let event = object_created(FILMS, KEY, etag);
    for _ in 0..30 {
        match splitter.handle(&event, Deadline::after(MINUTE)).await {
            Ok(summary) => return json!(summary),
            Err(error) => eprintln!("the splitter is to be tried again: {error}"),
        }
    }
    panic!("the splitter never succeeded");
}

/// Events of slices, from the bus.
pub fn slices(env: &TestEnv) -> UnboundedReceiver<Value> {
    let pattern = json!({"detail-type": ["newVideoCreated"]});
    env.stack().bus().add_rule("slices", &pattern).unwrap()
}

/// Events of slices and of sheets, from the bus.
pub fn jobs(env: &TestEnv) -> UnboundedReceiver<Value> {
    let pattern = json!({"detail-type": ["newVideoCreated", "videoJobCreated"]});
    env.stack().bus().add_rule("jobs", &pattern).unwrap()
}

/// Events that an overview is whole, from the bus.
pub fn overviews(env: &TestEnv) -> UnboundedReceiver<Value> {
    let pattern = json!({"detail-type": ["videoOverviewCompleted"]});
    env.stack().bus().add_rule("overviews", &pattern).unwrap()
}

/// Whether it is the event of a sheet.
pub fn is_sheet(event: &Value) -> bool {
    event["detail-type"] == "videoJobCreated"
}

/// The event that has a job of `run` done, for the nth time.
pub fn event_of(run: &Run, job: &Job, attempt: u32) -> Value {
    match job {
        Job::Slice(slice) => json!(run.event(slice, attempt, None)),
        Job::Overview(_) => json!(run.job_event(job, attempt, None)),
    }
}

/// Events of completion, from the bus.
pub fn completions(env: &TestEnv) -> UnboundedReceiver<Value> {
    let pattern = json!({"detail-type": ["videoPreviewsCompleted"]});
    env.stack().bus().add_rule("completions", &pattern).unwrap()
}

/// All events that have come.
pub fn received(events: &mut UnboundedReceiver<Value>) -> Vec<Value> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}

/// What the worker answers.
pub async fn handle(worker: &Worker, event: &Value) -> Answer {
    worker.handle(event, &invocation(MINUTE)).await.unwrap()
}

/// The details of all events that have come.
pub fn all(events: &mut UnboundedReceiver<Value>) -> Vec<Value> {
    std::iter::from_fn(|| events.try_recv().ok())
        .map(|event| event["detail"].clone())
        .collect()
}

/// An environment where the video, of 15 s, has been split with an overview. Also returns the events of its sheet and of
/// its three slices.
pub async fn split_env_with_overview() -> (TestEnv, Value, Vec<Value>) {
    let env = TestEnv::start().await;
    let etag = env.adopt_video(KEY, "d03").await.etag;
    let mut receiver = jobs(&env);
    split(&env.splitter(&ALL), &etag).await;
    let mut events: Vec<Value> = received(&mut receiver);
    // Sheets are sent first.
    let sheet = events.remove(0);
    assert!(is_sheet(&sheet), "{sheet}");
    assert_eq!(events.len(), 3);
    (env, sheet, events)
}

/// An environment where the first version of the video, of 15 s, has been split. Also returns the
/// events of its three slices.
pub async fn split_env() -> (TestEnv, Vec<Value>) {
    let env = TestEnv::start().await;
    let etag = env.adopt_video(KEY, "d03").await.etag;
    let mut receiver = slices(&env);
    split(&env.splitter(&QUICK), &etag).await;
    let events: Vec<Value> = received(&mut receiver);
    assert_eq!(events.len(), 3);
    (env, events)
}

/// An FFmpeg that does its work and does not end before it may, so that its worker uploads late.
pub struct Gate {
    /// Path of the program.
    pub ffmpeg: String,
    file: std::path::PathBuf,
}

impl Gate {
    /// One that is closed.
    pub fn new(env: &TestEnv) -> Self {
        let ffmpeg = std::fs::canonicalize("/usr/bin/ffmpeg").unwrap();
        let file = env.directory().join("go-on");
        let script = env.directory().join("slow-ffmpeg");
        // Sandboxed, it can write only in its work directory, but can test whether any file exists.
        let text = format!(
            "#!/bin/sh\n{} \"$@\"\ncode=$?\n: > reached\nwhile [ ! -e {} ]; do sleep 0.02; done\nexit $code\n",
            ffmpeg.display(),
            file.display()
        );
        program::write(&script, text);
        Self {
            ffmpeg: script.to_str().unwrap().to_owned(),
            file,
        }
    }

    /// Waits until a worker has come to it.
    pub async fn reached(&self, env: &TestEnv) {
        let reached = || {
            let work = std::fs::read_dir(env.temporary()).unwrap().flatten();
            work.map(|entry| entry.path().join("reached"))
                .any(|file| file.exists())
        };
        while !reached() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Lets it end.
    pub fn open(&self) {
        std::fs::write(&self.file, "").unwrap();
    }
}

/// What Lambda sends to the failure queue for an event that failed for the last time.
pub fn given_up(event: &Value) -> Value {
    let record = json!({
        "requestContext": {"requestId": "lost", "condition": "RetriesExhausted",
                           "approximateInvokeCount": 3},
        "requestPayload": event,
        "responsePayload": {"errorType": "Runtime.ExitError", "errorMessage": "signal: killed"},
    });
    json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": record.to_string()}]})
}

/// The ledgers of a test environment, read without faults.
pub fn ledger(env: &TestEnv) -> Ledger {
    Ledger::new(env.s3().clone(), PREVIEWS, env.bus().clone(), "default")
}

pub async fn run(env: &TestEnv) -> Run {
    let key = SourceKey::plain(KEY).unwrap();
    ledger(env).current_run(&key).await.unwrap().unwrap().0
}

pub async fn manifest(env: &TestEnv) -> Option<Manifest> {
    let key = SourceKey::plain(KEY).unwrap();
    let read = ledger(env).manifest(&key).await.unwrap();
    read.map(|(manifest, _)| manifest)
}

/// The previews, by their keys: their ETags tell their bytes.
pub async fn previews(env: &TestEnv) -> BTreeMap<String, Vec<u8>> {
    let objects: Vec<ObjectInfo> = env.stack().store().list(PREVIEWS, "").await.unwrap();
    objects
        .into_iter()
        .filter(|object| is_preview(&object.key))
        .map(|object| (object.key, std::fs::read(object.body).unwrap()))
        .collect()
}

/// Whether an object is none of the ledger's.
pub fn is_preview(key: &str) -> bool {
    let ledger = ["/run.json", "/manifest.json"];
    !key.contains("/receipts/") && !ledger.iter().any(|name| key.ends_with(name))
}

/// The ETags of the previews, by their keys.
pub async fn etags(env: &TestEnv) -> BTreeMap<String, String> {
    let objects = env.stack().store().list(PREVIEWS, "").await.unwrap();
    objects
        .into_iter()
        .filter(|object| is_preview(&object.key))
        .map(|object| (object.key, object.etag))
        .collect()
}

/// Deletes an object, as nobody of ours does.
pub async fn delete(env: &TestEnv, key: &str) {
    let delete = env.s3().delete_object().bucket(PREVIEWS).key(key);
    delete.send().await.unwrap();
}

/// The file of an object.
async fn object(env: &TestEnv, key: &str) -> std::path::PathBuf {
    let mut objects = env.stack().store().list(PREVIEWS, key).await.unwrap();
    objects.remove(0).body
}

/// Asserts that the current run is complete, and that its manifest agrees with the bucket.
pub async fn assert_whole(env: &TestEnv, what: &str) -> Manifest {
    let run = run(env).await;
    let manifest = manifest(env).await;
    let manifest = manifest.unwrap_or_else(|| panic!("{what}: there is no manifest"));
    assert!(
        manifest.is_of(&run),
        "{what}: {manifest:?} is of another run"
    );
    assert_eq!(manifest.failed().count(), 0, "{what}: {manifest:?}");
    let ledger = ledger(env);
    let receipts = ledger.receipts(&run).await.unwrap();
    let wrong = ledger
        .verify(&run, Some(&manifest), receipts.values())
        .await;
    assert_eq!(wrong.unwrap(), [], "{what}");
    assert_eq!(receipts.len(), run.jobs().len(), "{what}");
    assert_is_stored(env, what).await;
    manifest
}

/// Asserts that the manifest says `complete`, and that all that it names is stored. Reads it without any code of ours.
async fn assert_is_stored(env: &TestEnv, what: &str) {
    let stored: BTreeMap<String, u64> = (env.stack().store().list(PREVIEWS, "").await.unwrap())
        .into_iter()
        .map(|object| (object.key, object.bytes))
        .collect();
    let raw = std::fs::read(object(env, &format!("{KEY}/manifest.json")).await).unwrap();
    let raw: Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!(raw["status"], "complete", "{what}");
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let overview = &raw["overview"];
    let mut named: Vec<Value> = array(&raw["tracks"]);
    named.extend([raw["track"].clone(), overview["track"].clone()]);
    for slice in array(&raw["slices"]) {
        named.extend([slice["gif"].clone(), slice["storyboard"].clone()]);
        let first = slice["frames"]["first"].as_u64().unwrap_or(0);
        for second in first..first + slice["frames"]["count"].as_u64().unwrap_or(0) {
            named.push(json!({"key": format!("{KEY}/frames/{second:06}.jpg")}));
        }
    }
    for sheet in array(&overview["sheets"]) {
        assert!(sheet["tiles"].is_array(), "{what}: {sheet}");
        named.push(sheet["sheet"].clone());
    }
    for object in named.iter().filter(|object| object.is_object()) {
        let key = object["key"].as_str().unwrap();
        let bytes = stored.get(key).copied();
        let bytes = bytes.unwrap_or_else(|| panic!("{what}: {key} is missing"));
        assert_eq!(
            object["bytes"].as_u64().unwrap_or(bytes),
            bytes,
            "{what}: {key}"
        );
    }
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is {value:?}, and must be a number")),
    )
}

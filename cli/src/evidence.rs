//! Checks a function's answer against the objects in the store and the events on the bus.

use std::fs;

use gifgen_shared::{Frames, Gifs, OutputKeys, PreviewSettings, Slice, SourceKey, SourceKeyError};
use gifgen_stack::{Store, StoreError};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::{
    local::DESTINATION_BUCKET,
    saved_event::{Request, RequestedSlice},
};

/// Why an answer is not true.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    #[error("the function says that it is done, but there is no object {key} in the destination bucket{}", others(*.missing))]
    Object { key: String, missing: usize },
    /// The splitter did not send all jobs of its run.
    #[error(
        "the run of {key} has {jobs} slices and sheets, but {sent} events of such came to the bus"
    )]
    Events {
        key: String,
        /// Number of slices and sheets in `run.json`.
        jobs: u64,
        /// Number of their events on the bus.
        sent: u64,
    },
    /// The splitter wrote an invalid `run.json`.
    #[error("{key} in the destination bucket is no run: {problem}")]
    Run { key: String, problem: String },
    #[error(transparent)]
    Key(#[from] SourceKeyError),
    /// The store cannot be read.
    #[error("the embedded S3 store failed")]
    Store(#[from] StoreError),
}

fn others(missing: usize) -> String {
    match missing {
        0 | 1 => String::new(),
        more => format!(", nor {} others", more - 1),
    }
}

/// Whether `answer` says that everything the event requests is done.
pub fn says_done(request: &Request, answer: &Value) -> bool {
    match request {
        Request::Split(objects) => {
            let good = |source: &Value| {
                ["split", "complete"].contains(&source["status"].as_str().unwrap_or_default())
            };
            answer["error"].is_null()
                && answer["sources"].as_array().is_some_and(|sources| {
                    sources.len() == objects.len() && sources.iter().all(good)
                })
        }
        Request::Render(_) | Request::RenderSheet { .. } => answer["status"] == "done",
        Request::Record(_) => answer["batchItemFailures"]
            .as_array()
            .is_some_and(Vec::is_empty),
    }
}

/// Checks an answer that says "done" against the store and the slice events on the bus.
///
/// # Errors
/// If an object or event is missing.
pub async fn check(
    request: &Request,
    answer: &Value,
    previews: &PreviewSettings,
    store: &Store,
    jobs: UnboundedReceiver<Value>,
) -> Result<(), NoEvidence> {
    match request {
        Request::Split(objects) => check_runs(objects, store, jobs).await,
        Request::Render(wanted) => check_previews(wanted, answer, previews, store).await,
        Request::RenderSheet { key, index, .. } => {
            let sheet = OutputKeys::of(key).sheet(*index);
            check_objects(key, vec![sheet], store).await
        }
        // The stand-in has another version than the slice that was given up, so nothing is recorded.
        Request::Record(_) => Ok(()),
    }
}

async fn check_runs(
    objects: &[(String, String)],
    store: &Store,
    mut events: UnboundedReceiver<Value>,
) -> Result<(), NoEvidence> {
    let mut sent = Vec::new();
    while let Ok(event) = events.try_recv() {
        sent.push(event);
    }
    for (_, key) in objects {
        let source = SourceKey::plain(key)?;
        let run = OutputKeys::of(&source).run();
        let listed = store.list(DESTINATION_BUCKET, &run).await?;
        let Some(object) = listed.into_iter().find(|object| object.key == run) else {
            return Err(NoEvidence::Object {
                key: run,
                missing: 1,
            });
        };
        let jobs = fs::read(&object.body)
            .map_err(|error| error.to_string())
            .and_then(|text| {
                serde_json::from_slice::<Value>(&text).map_err(|error| error.to_string())
            })
            .and_then(|run| {
                let slices = run["slices"].as_u64().ok_or("no `slices`")?;
                Ok(slices + run["sheets"].as_u64().unwrap_or_default())
            })
            .map_err(|problem| NoEvidence::Run { key: run, problem })?;
        let sent = sent.iter().filter(|event| event["detail"]["key"] == **key);
        let sent = sent.count() as u64;
        if sent != jobs {
            return Err(NoEvidence::Events {
                key: key.clone(),
                jobs,
                sent,
            });
        }
    }
    Ok(())
}

async fn check_previews(
    wanted: &RequestedSlice,
    answer: &Value,
    previews: &PreviewSettings,
    store: &Store,
) -> Result<(), NoEvidence> {
    // If the video is shorter than the event says, it has fewer stills.
    let end = answer["end"].as_f64().unwrap_or(wanted.slice.end);
    let slice = Slice {
        end,
        ..wanted.slice
    };
    let expected = expected(OutputKeys::of(&wanted.key), &slice, previews);
    check_objects(&wanted.key, expected, store).await
}

/// Checks that objects of `source` exist and are not empty.
async fn check_objects(
    source: &SourceKey,
    expected: Vec<String>,
    store: &Store,
) -> Result<(), NoEvidence> {
    let there = store
        .list(DESTINATION_BUCKET, &format!("{source}/"))
        .await?;
    let is_there = |key: &String| there.iter().any(|o| o.key == *key && o.bytes > 0);
    let mut missing = expected;
    missing.retain(|key| !is_there(key));
    match missing.first() {
        None => Ok(()),
        Some(first) => Err(NoEvidence::Object {
            key: first.clone(),
            missing: missing.len(),
        }),
    }
}

/// Keys of the previews of a slice.
fn expected(keys: OutputKeys<'_>, slice: &Slice, previews: &PreviewSettings) -> Vec<String> {
    let mut expected = Vec::new();
    if previews.gifs == Gifs::Each {
        expected.push(keys.gif(slice.start));
    }
    let stills = || slice.still_seconds().map(|second| keys.frame(second));
    match previews.frames {
        Frames::Each => expected.extend(stills()),
        Frames::Both => {
            expected.extend(stills());
            expected.push(keys.storyboard(slice.start));
        }
        Frames::Storyboard => expected.push(keys.storyboard(slice.start)),
        Frames::None => {}
    }
    expected
}

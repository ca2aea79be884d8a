//! What was written before there were overviews is still understood.

use gifgen_ledger::{Manifest, Outcome, Outputs, Receipt, Run};
use gifgen_shared::{Frames, JobId, Overview};
use serde_json::{Value, json};

/// `run.json` as it was written then.
fn run_json() -> Value {
    json!({
        "schemaVersion": 1, "run": 2, "createdAt": "2026-01-01T00:00:00Z",
        "source": source(),
        "video": {"index": 0, "startTime": 0.0, "width": 320, "height": 240, "interlaced": false},
        "settings": settings(),
        "slices": 2,
        "sent": "2026-01-01T00:00:01Z",
    })
}

fn source() -> Value {
    json!({"bucket": "films", "key": "a.mp4", "etag": "\"9b2c\"", "bytes": 1000, "length": 39.5,
        "width": 320, "height": 240, "codec": "h264", "container": "mov"})
}

fn settings() -> Value {
    json!({"sliceSeconds": 30, "frames": "each", "gifWidth": 240, "gifFps": 10, "gifDither": "ordered",
        "decode": "exact", "frameWidth": null, "frameQuality": 5})
}

fn slice(index: u32) -> Value {
    json!({"index": index, "start": index * 30, "end": if index == 0 { 30.0 } else { 39.5 },
        "gif": {"key": format!("a.mp4/gifs/{:06}.gif", index * 30), "bytes": 10, "width": 240, "height": 180,
            "frames": 300},
        "frames": {"first": index * 30, "count": 1}})
}

fn receipt_json() -> Value {
    let mut receipt = slice(0);
    let more = json!({
        "schemaVersion": 1, "run": 2, "runCreatedAt": "2026-01-01T00:00:00Z", "attempt": 1,
        "objects": [
            {"key": "a.mp4/frames/000000.jpg", "bytes": 5, "etag": "\"1\""},
            {"key": "a.mp4/gifs/000000.gif", "bytes": 10, "etag": "\"2\""},
        ],
        "work": {"workerMs": 1, "renderMs": 1, "gifMs": 1, "uploadMs": 1},
        "finishedAt": "2026-01-01T00:00:09Z",
    });
    let fields = more.as_object().unwrap().clone();
    receipt.as_object_mut().unwrap().extend(fields);
    receipt
}

fn run() -> Run {
    serde_json::from_value(run_json()).unwrap()
}

#[test]
fn a_run_that_began_before_has_no_overview() {
    let run = run();
    assert_eq!(run.settings.overview, Overview::None);
    assert_eq!(run.settings.frames, Frames::Each);
    assert_eq!(run.sheets, 0);
    let jobs: Vec<JobId> = run.jobs().iter().map(|job| job.id()).collect();
    assert_eq!(jobs, [JobId::Slice(0), JobId::Slice(30)]);
    // Also after it was written again.
    let again: Run = serde_json::from_value(json!(run)).unwrap();
    assert_eq!(again, run);
}

#[test]
fn a_receipt_that_was_written_before_is_that_of_a_slice() {
    let receipt: Receipt = serde_json::from_value(receipt_json()).unwrap();
    assert_eq!(receipt.job(), JobId::Slice(0));
    assert!(receipt.is_good() && receipt.is_of(&run()), "{receipt:?}");
    assert!(matches!(receipt.outcome, Outcome::Done(Outputs::Slice(_))));
    // Nobody knows with which settings it was rendered.
    assert!(receipt.hash.is_empty());
}

#[test]
fn a_failure_that_was_recorded_before_is_one_still() {
    let mut json = receipt_json();
    let fields = json.as_object_mut().unwrap();
    for name in ["gif", "frames", "objects"] {
        fields.remove(name);
    }
    let error = json!({"reason": "damaged", "message": "it is damaged"});
    fields.insert("error".into(), error);
    let receipt: Receipt = serde_json::from_value(json).unwrap();
    assert!(!receipt.is_good() && receipt.is_of(&run()), "{receipt:?}");
}

#[test]
fn a_manifest_that_was_written_before_is_complete_without_an_overview() {
    let manifest = json!({
        "schemaVersion": 1, "source": source(), "settings": settings(), "status": "complete",
        "slices": [slice(0), slice(1)],
        "totals": {"bytesRead": 1, "bytesWritten": 1, "workerMilliseconds": 1, "gbSeconds": 0.0, "slowestSlices": []},
        "createdAt": "2026-01-01T00:00:00Z", "completedAt": "2026-01-01T00:00:10Z", "run": 2, "claimedBy": "one",
    });
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    assert!(manifest.is_complete() && manifest.is_of(&run()));
    assert_eq!((manifest.sheets().len(), manifest.failed().count()), (0, 0));
    let receipt: Receipt = serde_json::from_value(receipt_json()).unwrap();
    assert!(manifest.says(&receipt));
}

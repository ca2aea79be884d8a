//! Replays the saved events in `events/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use crate::support::{gifgen, names, pictures};
use gifgen_testkit::media;
use serde_json::Value;

fn event(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../events")
        .join(name)
}

fn replay(event: &Path, video: &Path, out: &Path) -> (Option<i32>, Value) {
    let output = gifgen()
        .args(["replay", "--json", "-o"])
        .arg(out)
        .arg("--video")
        .args([video, event])
        .output()
        .unwrap();
    let answer = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), answer)
}

#[test]
fn events_for_the_splitter_are_split() {
    for name in [
        "s3-put.json",
        "object-created.json",
        "object-restore-completed.json",
    ] {
        let out = tempfile::tempdir().unwrap();
        let (code, answer) = replay(&event(name), &media::video("d34_h264_40s.mp4"), out.path());
        assert_eq!(code, Some(0), "{answer}");
        let source = &answer["sources"][0];
        assert_eq!(source["status"], "split");
        assert_eq!(source["slices"], 2);
        assert_eq!(
            source["key"],
            "holiday films/100% café + crème (take 2) 東京.mp4"
        );
    }
}

#[test]
fn an_event_for_the_splitter_leaves_the_previews_of_its_video_alone() {
    let out = tempfile::tempdir().unwrap();
    let previews = out.path().join("holiday films");
    let previews = previews.join("100% café + crème (take 2) 東京.mp4");
    let finished = [
        "gifs/000000.gif",
        "frames/000000.jpg",
        "manifest.json",
        "run.json",
    ];
    for name in finished {
        let file = previews.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "an earlier run's").unwrap();
    }
    let video = media::video("d34_h264_40s.mp4");
    let (code, answer) = replay(&event("object-created.json"), &video, out.path());
    assert_eq!(code, Some(0), "{answer}");
    for name in finished {
        let kept = fs::read_to_string(previews.join(name)).unwrap();
        assert_eq!(kept, "an earlier run's", "{name}");
    }
}

#[test]
fn events_for_the_worker_are_rendered() {
    let folder = tempfile::tempdir().unwrap();
    // 2,539 s long, so the saved slices are inside of it.
    let video = media::looped("d35", 7, folder.path());
    for (name, end) in [("slice.json", 2280), ("aws-sample-slice.json", 2279)] {
        let out = tempfile::tempdir().unwrap();
        let (code, answer) = replay(&event(name), &video, out.path());
        assert_eq!(code, Some(0), "{answer}");
        assert_eq!(answer["status"], "done");
        let previews = out.path().join("long.mp4");
        let stills: Vec<String> = (2250..end)
            .map(|second| format!("{second:06}.jpg"))
            .collect();
        assert_eq!(names(&previews.join("frames")), stills);
        let gif = pictures(&previews.join("gifs/002250.gif"));
        assert_eq!(gif.len(), (end - 2250) * 10);
    }
}

#[test]
fn a_slice_behind_the_end_of_the_video_fails_with_the_reason() {
    let out = tempfile::tempdir().unwrap();
    let video = media::video("d34_h264_40s.mp4");
    let (code, answer) = replay(&event("aws-sample-slice.json"), &video, out.path());
    assert_eq!(code, Some(1));
    assert_eq!(answer["status"], "failed", "{answer}");
    assert_eq!(names(out.path()), Vec::<String>::new());
}

#[test]
fn an_event_for_neither_function_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let event = folder.path().join("event.json");
    std::fs::write(&event, r#"{"detail": {"hello": 1}}"#).unwrap();
    let output = gifgen()
        .args(["replay", "--video"])
        .args([&media::video("d34_h264_40s.mp4"), &event])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("gifgen: the event is for neither function"),
        "{said}"
    );
}

#[test]
fn without_a_video_a_test_picture_stands_in() {
    for name in [
        "s3-put.json",
        "object-created.json",
        "object-restore-completed.json",
        "slice.json",
        "slice-given-up.json",
        "aws-sample-slice.json",
    ] {
        let out = tempfile::tempdir().unwrap();
        let output = gifgen()
            .args(["replay", "--frame-width", "64", "-o"])
            .args([out.path(), &event(name)])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
    }
}

/// Writes a program for `--invoke` that runs `script`. It gets `splitter` or `worker`, and the event's
/// file.
fn program(folder: &Path, script: &str) -> PathBuf {
    let program = folder.join("invoke");
    gifgen_testkit::program::write(&program, format!("#!/bin/sh\n{script}\n"));
    program
}

fn replay_through(program: &Path, event: &Path, video: &Path, out: &Path) -> Output {
    let mut gifgen = gifgen();
    gifgen
        .env("AWS_PROFILE", "somebody")
        .args(["replay", "--json", "-o"])
        .arg(out);
    gifgen
        .arg("--video")
        .arg(video)
        .args(["--listen", "127.0.0.2", "--invoke"])
        .args([program, event]);
    gifgen.output().unwrap()
}

#[test]
fn another_program_may_invoke_the_function_and_what_it_did_is_found() {
    let folder = tempfile::tempdir().unwrap();
    // Replays against the AWS of its environment, which is the embedded one.
    let script = format!(
        "test \"$1\" = {{}} || exit 1
        case $AWS_ENDPOINT_URL_S3 in http://127.0.0.2:*) ;; *) exit 2 ;; esac
        exec {} replay --aws --json \"$2\"",
        env!("CARGO_BIN_EXE_gifgen")
    );
    let slice = folder.path().join("slice.json");
    fs::write(
        &slice,
        r#"{"bucket": "films", "key": "a.mp4", "etag": "\"1\"", "start": 30, "end": 39.8}"#,
    )
    .unwrap();
    for (function, event) in [
        ("splitter", event("object-created.json")),
        ("worker", slice),
    ] {
        let out = tempfile::tempdir().unwrap();
        let program = program(folder.path(), &script.replace("{}", function));
        let video = media::video("d34_h264_40s.mp4");
        let output = replay_through(&program, &event, &video, out.path());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{function}: {said}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        if function == "splitter" {
            assert_eq!(answer["sources"][0]["slices"], 2);
        } else {
            assert_eq!(names(&out.path().join("a.mp4/frames")).len(), 10);
        }
    }
}

#[test]
fn an_answer_without_its_objects_and_events_is_not_believed() {
    let split = r#"{"sources": [{"status": "split", "slices": 2, "sent": 2}]}"#;
    let done = r#"{"status": "done", "key": "long.mp4", "start": 2250, "end": 2280}"#;
    for (name, answer, missing) in [
        ("s3-put.json", split, "/run.json"),
        (
            "slice.json",
            done,
            "long.mp4/gifs/002250.gif in the destination bucket, nor 31 others",
        ),
        (
            "overview.json",
            done,
            "long.mp4/overview/0000.jpg in the destination bucket",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path(), &format!("echo '{answer}'"));
        let video = media::video("d34_h264_40s.mp4");
        let output = replay_through(&program, &event(name), &video, &folder.path().join("out"));
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(missing), "{said}");
    }
}

#[test]
fn a_function_that_fails_in_another_program_fails_the_replay() {
    for (script, says) in [
        // `sam local invoke` exits with 0 even then.
        (
            r#"echo '{"errorType": "Hidden", "errorMessage": "no disk"}'"#,
            "Hidden: no disk",
        ),
        (r#"echo '{"status": "failed", "reason": "unreadable"}'"#, ""),
        ("echo 'Task timed out after 3.00 seconds'", "gave no answer"),
        ("exit 7", "exit status: 7"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path(), script);
        let video = media::video("d34_h264_40s.mp4");
        let out = folder.path().join("out");
        let output = replay_through(&program, &event("slice.json"), &video, &out);
        assert_eq!(output.status.code(), Some(1), "{script}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(says), "{said}");
        assert_eq!(names(&out), Vec::<String>::new(), "{script}");
    }
}

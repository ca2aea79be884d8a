//! An FFmpeg that a hostile video has taken over, in the real worker: what it gets, and what not.

use std::collections::BTreeMap;

use gifgen_testkit::{
    captured::{CLOSED, Captured, Place, report},
    test_env::{FILMS, TestEnv},
};
use rustix::process::getuid;
use serde_json::json;

const WORKER: &str = env!("CARGO_BIN_EXE_worker");

/// Lets a captured FFmpeg try everything. Gives its report, and whether the platform refused a part of
/// its sandbox.
async fn attempts(place: Place) -> (BTreeMap<String, i32>, bool) {
    let env = TestEnv::start().await;
    env.adopt_video("film.mp4", "d05").await;
    let mut captured = Captured::start(&env, place, WORKER, "FFMPEG").await;
    let event = json!({"bucket": FILMS, "key": "film.mp4", "start": 0, "end": 1});
    let answer = captured.rie.invoke(&event).await;
    let log = captured.rie.log();
    let said = answer["message"].as_str().unwrap_or_default();
    assert!(said.contains("captured: "), "{answer}; log:\n{log}");
    let refused = log.contains("the platform refuses a part of FFmpeg's sandbox");
    (report(said), refused)
}

fn assert_errors(report: &BTreeMap<String, i32>, expected: &[(&str, i32)]) {
    for (attempt, errno) in expected {
        assert_eq!(report[*attempt], *errno, "{attempt} in {report:?}");
    }
}

#[tokio::test]
async fn in_the_open_it_gets_nothing() {
    let (report, refused) = attempts(Place::Open).await;
    for attempt in CLOSED {
        assert_ne!(report[attempt], 0, "{attempt} in {report:?}");
    }
    if getuid().is_root() {
        // Else the tests' own processes, which know the credentials too, belong to the same user.
        assert_errors(&report, &[("secret", 0)]);
    }
    if refused {
        eprintln!("SKIPPED: this kernel refuses a part of FFmpeg's sandbox: {report:?}");
        return;
    }
    let (denied, refused) = (libc::EACCES, libc::EPERM);
    assert_errors(
        &report,
        &[
            ("seen", 0),
            ("signal", refused),
            ("runtime", denied),
            ("socket", refused),
            ("read", denied),
            ("write", denied),
        ],
    );
}

#[tokio::test]
async fn under_lambdas_rules_it_gets_no_credentials_but_reaches_files_and_ports() {
    let (report, refused) = attempts(Place::Lambda).await;
    assert!(refused);
    for attempt in CLOSED {
        assert_ne!(report[attempt], 0, "{attempt} in {report:?}");
    }
    assert_errors(
        &report,
        &[
            ("secret", 0),
            // What there is nothing against without Landlock and seccomp; docs/security.md says so.
            ("seen", 1),
            ("signal", 0),
            ("runtime", 0),
            ("socket", 0),
            ("read", 0),
            // The root is read-only.
            ("write", libc::EROFS),
        ],
    );
}

#[tokio::test]
async fn without_memfd_the_environment_tells_nothing_but_the_memory_does() {
    let (report, _) = attempts(Place::LambdaWithoutMemfd).await;
    // The environment of the parent can be read, and has no credentials in it: `secret` comes from
    // the memory.
    assert_errors(
        &report,
        &[("environ", 0), ("mem", 0), ("secret", 1), ("told", 0)],
    );
}

#[tokio::test]
async fn root_reads_all_that_is_there() {
    if !getuid().is_root() {
        eprintln!("SKIPPED: only root can try what root can do");
        return;
    }
    let (report, _) = attempts(Place::LambdaAsRoot).await;
    assert_errors(
        &report,
        &[
            ("environ", 0),
            ("mem", 0),
            ("fd", 0),
            ("secret", 1),
            ("told", 0),
        ],
    );
}

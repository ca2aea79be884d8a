//! The real binary of the worker under Lambda's rules, with real slices and what goes wrong there:
//! `gifgen-sandbox` refuses what Lambda refuses, or may refuse.

use std::{fs, path::Path, time::Duration};

use gifgen_testkit::{
    events::object_created,
    media,
    rie::Rie,
    sandbox::Machine,
    test_env::{FILMS, TestEnv, invocation},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::{sleep, timeout};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");

/// 30 s of 1080p, and more.
const FILM: &str = "perf_bbb_1080p24_56s.mp4";

/// The event of the first slice of [`FILM`], from the real splitter.
async fn first_slice(env: &TestEnv, key: &str) -> Value {
    let etag = env.adopt(key, &media::folder().join(FILM)).await.etag;
    let mut events = env.our_events();
    let created = object_created(FILMS, key, &etag);
    let deadline = invocation(Duration::from_secs(60)).deadline;
    let splitter = env.splitter(&[("FRAMES", "each"), ("OVERVIEW", "none")]);
    splitter.handle(&created, deadline).await.unwrap();
    loop {
        let event = events.recv().await.unwrap();
        if event["detail"]["start"] == 0 {
            return event;
        }
    }
}

async fn worker(env: &TestEnv, machine: &Machine, more: &[(&str, &str)]) -> Rie {
    let mut environment = env.environment();
    let more = more
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    environment.extend(more);
    Rie::start_on(machine, WORKER, &environment).await
}

fn entries(folder: &Path) -> usize {
    folder.read_dir().unwrap().count()
}

/// Whether a work directory of the function's holds something.
fn has_written(rie: &Rie) -> bool {
    let directories = fs::read_dir(rie.temporary())
        .into_iter()
        .flatten()
        .flatten();
    let mut contents = directories.flat_map(|directory| fs::read_dir(directory.path()));
    contents.any(|mut files| files.next().is_some())
}

/// The FFmpeg of the function, if one runs.
fn ffmpeg(rie: &Rie) -> Option<u32> {
    rie.processes().into_iter().find(|pid| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name.trim() == "ffmpeg")
    })
}

/// Waits for an FFmpeg of the function's that has begun to write.
async fn ffmpeg_of(rie: &Rie) -> u32 {
    let found = async {
        loop {
            if let Some(pid) = ffmpeg(rie)
                && has_written(rie)
            {
                return pid;
            }
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(60), found).await.unwrap()
}

fn parent_of(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.unwrap().trim().parse().unwrap()
}

fn send(signal: Signal, pid: u32) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Renders a slice that is there, and leaves nothing behind.
async fn renders(rie: &mut Rie, event: &Value) {
    let answer = rie.invoke(event).await;
    assert_eq!(answer["status"], "done", "{answer}; log:\n{}", rie.log());
    assert_eq!(answer["gif"]["frames"], 300);
    assert_eq!(answer["frames"]["count"], 30);
    assert_eq!(entries(&rie.temporary()), 0);
}

#[tokio::test]
async fn a_slice_of_1080p_is_rendered_by_excerpt_and_through_the_gateway() {
    let env = TestEnv::start().await;
    let mut rie = worker(&env, &Machine::default(), &[]).await;
    let by_excerpt = first_slice(&env, "excerpt.mp4").await;
    renders(&mut rie, &by_excerpt).await;
    assert!(rie.log().contains("by_excerpt=true"), "{}", rie.log());
    let mut sought = first_slice(&env, "gateway.mp4").await;
    sought["detail"].as_object_mut().unwrap().remove("excerpt");
    renders(&mut rie, &sought).await;
    assert!(rie.log().contains("by_excerpt=false"), "{}", rie.log());
}

#[tokio::test]
async fn what_lambda_refuses_is_logged_once_and_the_slice_is_rendered() {
    let env = TestEnv::start().await;
    let machine = Machine {
        refuse: vec!["memfd_create", "close_range", "prlimit64", "pidfd_open"],
        ..Machine::default()
    };
    let mut rie = worker(&env, &machine, &[]).await;
    let event = first_slice(&env, "film.mp4").await;
    renders(&mut rie, &event).await;
    let log = rie.log();
    for said in [
        "the platform refuses a part of FFmpeg's sandbox",
        "programs of this user, FFmpeg among them, can read the function's memory",
    ] {
        assert_eq!(log.matches(said).count(), 1, "{said:?} in {log}");
    }
    let parts = "death with the parent, closed files, limits, no new privileges, Landlock, seccomp";
    assert!(log.contains(parts), "{log}");
}

#[tokio::test]
async fn a_deadline_that_passes_is_an_error_and_ends_even_an_ffmpeg_that_is_stuck() {
    let env = TestEnv::start().await;
    let event = first_slice(&env, "film.mp4").await;
    // Five seconds of them are kept back.
    let time = [("AWS_LAMBDA_FUNCTION_TIMEOUT", "25")];
    let mut rie = worker(&env, &Machine::default(), &time).await;
    let answer = rie
        .invoke_while(&event, async |rie| send(Signal::STOP, ffmpeg_of(rie).await))
        .await;
    assert!(answer.contains("DeadlinePassed"), "{answer}");
    assert!(answer.contains("rendering"), "{answer}");
    assert_eq!(entries(&rie.temporary()), 0);
    assert_eq!(ffmpeg(&rie), None);
}

#[tokio::test]
async fn an_ffmpeg_that_is_killed_is_an_error_and_the_next_try_renders() {
    let env = TestEnv::start().await;
    let event = first_slice(&env, "film.mp4").await;
    let mut rie = worker(&env, &Machine::default(), &[]).await;
    let answer = rie
        .invoke_while(&event, async |rie| send(Signal::KILL, ffmpeg_of(rie).await))
        .await;
    assert!(answer.contains("FfmpegKilled"), "{answer}");
    assert_eq!(entries(&rie.temporary()), 0);
    renders(&mut rie, &event).await;
}

#[tokio::test]
async fn a_full_tmp_is_an_error_and_leaves_nothing_in_it() {
    let env = TestEnv::start().await;
    let machine = Machine {
        tmp_megabytes: 2,
        ..Machine::default()
    };
    let mut rie = worker(&env, &machine, &[]).await;
    let answer = rie.invoke(&first_slice(&env, "film.mp4").await).await;
    assert_eq!(answer["errorType"], "NoSpace", "{answer}; {}", rie.log());
    assert_eq!(entries(&rie.temporary()), 0);
}

#[tokio::test]
async fn a_worker_that_is_started_after_one_that_was_killed_sweeps_and_renders() {
    let env = TestEnv::start().await;
    let event = first_slice(&env, "film.mp4").await;
    let mut rie = worker(&env, &Machine::default(), &[]).await;
    let answer = rie
        .invoke_while(&event, async |rie| {
            send(Signal::KILL, parent_of(ffmpeg_of(rie).await))
        })
        .await;
    assert!(answer.contains("Runtime.ExitError"), "{answer}");
    assert_eq!(entries(&rie.temporary()), 1, "what the killed one left");
    renders(&mut rie, &event).await;
    assert!(rie.log().contains("removed what killed workers left"));
}

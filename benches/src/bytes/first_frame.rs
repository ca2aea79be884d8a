//! Time to the first picture: plain FFmpeg over the URL, against the worker's way of feeding
//! FFmpeg.
//!
//! The worker gets a shim instead of FFmpeg. The shim passes on the worker's input arguments, asks
//! for one picture, and records when FFmpeg has ended. So this measures the worker's own way,
//! including everything that it does before.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use gifgen_testkit::test_env::{TestEnv, invocation};
use gifgen_worker::{Answer, TransientError};

use super::{
    measured_worker::{MeasuredWorker, Planned},
    plain,
};
use crate::rounds::median;

/// Rounds per measurement.
const ROUNDS: usize = 7;

/// Rounds after [`LONG`]: differences of seconds need fewer.
const ROUNDS_OF_LONG: usize = 3;

/// See [`ROUNDS_OF_LONG`].
const LONG: Duration = Duration::from_secs(20);

/// Deadline of one slice.
const DEADLINE: Duration = Duration::from_secs(60);

/// Median seconds to the first picture.
#[derive(Clone, Copy, Debug)]
pub struct FirstFrame {
    /// With plain FFmpeg.
    pub plain: f64,
    /// With gifgen.
    pub ours: f64,
}

/// Measures both alternately. `planned` is a slice of the object `key` that was not rendered yet.
///
/// # Errors
/// One of them fails.
pub async fn measure(env: &TestEnv, key: &str, planned: &Planned) -> Result<FirstFrame> {
    let program = shim(env.directory())?;
    let program = program.to_str().context("a folder's name is odd")?;
    let worker = MeasuredWorker::start(env, &[("FFMPEG", program)]).await;
    let url = worker.url(key).await?;
    let (mut by_plain, mut by_ours) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for round in 0..ROUNDS {
        if round >= ROUNDS_OF_LONG && begun.elapsed() > LONG {
            break;
        }
        let started = SystemTime::now();
        plain::first_frame(&url, &planned.slice).await?;
        by_plain.push(started.elapsed()?.as_secs_f64());

        let started = SystemTime::now();
        let answer = worker
            .worker
            .handle(&planned.event, &invocation(DEADLINE))
            .await;
        let ended = ended(&answer).with_context(|| format!("{answer:?}"))?;
        by_ours.push(ended.duration_since(started)?.as_secs_f64());
    }
    Ok(FirstFrame {
        plain: median(by_plain),
        ours: median(by_ours),
    })
}

/// The program in place of FFmpeg. It can write only to its working directory, which is removed
/// afterwards, and to standard error, which is part of the worker's error. With this exit code, the worker
/// takes it for a program that cannot be run, and does not try again further back. Bash tells the time
/// without starting a program.
const SHIM: &str = r#"#!/usr/bin/env bash
input=()
while [ $# -gt 0 ]; do
    input+=("$1")
    if [ "$1" = -i ]; then
        input+=("$2")
        break
    fi
    shift
done
PATH=/usr/local/bin:/usr/bin:/bin ffmpeg "${input[@]}" -frames:v 1 -f null /dev/null || exit 1
printf '[error] FIRST %s\n' "$EPOCHREALTIME" >&2
exit 127
"#;

/// Writes the shim to `folder`.
fn shim(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("first-frame");
    fs::write(&program, SHIM)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(program)
}

/// Parses the time when FFmpeg ended from the worker's error.
fn ended(answer: &Result<Answer, TransientError>) -> Result<SystemTime> {
    let Err(TransientError::FfmpegNotRun { said }) = answer else {
        bail!("the worker did not run the shim");
    };
    let (_, note) = said
        .rsplit_once("FIRST ")
        .context("there was no first picture")?;
    let note = note.split([' ', ';']).next().unwrap_or_default();
    // Some locales have a decimal comma.
    let seconds: f64 = note.replace(',', ".").parse()?;
    ensure!(seconds > 0.0, "{note} is no time");
    Ok(UNIX_EPOCH + Duration::from_secs_f64(seconds))
}

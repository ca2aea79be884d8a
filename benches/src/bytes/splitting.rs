//! The real splitter, in its own process, so that its CPU time and memory can be told from those of
//! the servers and the proxy.

use std::{
    env,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use gifgen_ledger::Ledger;
use gifgen_shared::{Deadline, Settings, SliceEvent, SourceKey};
use gifgen_splitter::Splitter;
use gifgen_testkit::{
    clients,
    counting_proxy::CountingProxy,
    events::object_created,
    test_env::{FILMS, PREVIEWS, TestEnv},
};
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::{
    measured_worker::{LATENCY, Planned, SETTINGS},
    reads::Reads,
};
use crate::{cpu_time::children_cpu, memory::peak_memory};

/// The argument that turns this benchmark into the splitter.
pub const SPLITTER: &str = "--splitter";

/// Deadline of one split.
const DEADLINE: Duration = Duration::from_secs(900);

/// A source that was split.
#[derive(Debug)]
pub struct Split {
    /// All slices.
    pub slices: Vec<Planned>,
    /// The splitter's reads.
    pub reads: Reads,
    /// CPU time, including ffprobe's.
    pub cpu: Duration,
    /// Peak memory in bytes; `None` if the system does not tell.
    pub memory: Option<u64>,
}

/// Splits the object `key`. No other children may run meanwhile.
///
/// # Errors
/// The splitter fails, or rejects the source.
pub async fn split(env: &TestEnv, key: &str, etag: &str) -> Result<Split> {
    let proxy = CountingProxy::start(&env.stack().s3_endpoint(), LATENCY).await;
    let mut sent = env.our_events();
    let event = object_created(FILMS, key, etag).to_string();
    let mut command = Command::new(env::current_exe()?);
    command.arg(SPLITTER).envs(env.environment()).envs(SETTINGS);
    command.env("AWS_ENDPOINT_URL_S3", proxy.endpoint());
    let (said, cpu, memory) = spawn_blocking(move || {
        let before = children_cpu();
        let (said, memory) = peak_memory(|| answer_of(command, &event));
        (said, children_cpu().saturating_sub(before), memory)
    })
    .await?;
    let said = said?;
    ensure!(
        said["sources"][0]["status"] == "split",
        "the splitter says {said}"
    );
    let ledger = Ledger::new(env.s3().clone(), PREVIEWS, env.bus().clone(), "default");
    let run = ledger.current_run(&SourceKey::plain(key)?).await?;
    let (run, _) = run.context("the splitter began no run")?;
    let mut slices = Vec::new();
    while let Ok(event) = sent.try_recv() {
        let read = SliceEvent::parse(&event)?;
        slices.push(Planned {
            slice: read.slice(),
            event,
            video: run.video,
        });
    }
    slices.sort_by_key(|planned| planned.slice.start);
    let count = said["sources"][0]["slices"].as_u64();
    ensure!(
        count == Some(slices.len() as u64),
        "{} events of {count:?} slices came",
        slices.len()
    );
    Ok(Split {
        slices,
        reads: Reads::new(proxy.take().await),
        cpu,
        memory,
    })
}

/// Runs a program with `event` on standard input, and parses its standard output.
fn answer_of(mut command: Command, event: &str) -> Result<Value> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start the splitter")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(event.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("the splitter failed ({})", output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs the splitter for one event from standard input.
///
/// # Errors
/// The splitter fails.
pub async fn run_splitter() -> Result<()> {
    let mut event = String::new();
    std::io::stdin().read_to_string(&mut event)?;
    let event: Value = serde_json::from_str(&event)?;
    let variable = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
    let (id, secret) = (
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
    );
    let s3 = clients::s3(&variable("AWS_ENDPOINT_URL_S3")?, &id, &secret);
    let bus = clients::event_bridge(&variable("AWS_ENDPOINT_URL_EVENTBRIDGE")?, &id, &secret);
    let settings = Settings::read(|name| env::var_os(name))?;
    let splitter = Splitter::new(s3, bus, settings)?;
    let summary = splitter.handle(&event, Deadline::after(DEADLINE)).await?;
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}

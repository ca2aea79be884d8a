//! Runs a program that handles hostile input. The program gets no shell, an empty environment, a
//! sandbox, a process group of its own, bounded output, and a deadline that no process of the group
//! survives.

mod captured_output;
mod ending;
mod group;
mod kept_lines;
pub mod memory;
mod peak;
mod reading;
mod sandbox;
pub mod sealed;

use std::{
    ffi::OsString,
    io,
    os::fd::OwnedFd,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    pin::pin,
    process::Stdio,
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep_until},
};

use self::{
    captured_output::CapturedOutput,
    group::Group,
    kept_lines::KeptLines,
    memory::resident,
    peak::peak_of_ended,
    sandbox::{Sandbox, SandboxSpec},
};
use gifgen_shared::{Deadline, blocking::blocking};

pub use self::{
    captured_output::Keep,
    ending::Ending,
    reading::{run_reading, run_reading_log},
    sandbox::{FILE_BYTES, Network},
};

/// A program to run.
#[derive(Debug)]
pub struct Program<'a> {
    /// Absolute path.
    pub path: &'a Path,
    /// Arguments, without the program's name.
    pub args: Vec<OsString>,
    /// Working directory; the program may read and write below it. `None`: it works in `/` and may
    /// write nowhere.
    pub directory: Option<&'a Path>,
    /// What it may connect to.
    pub network: Network,
    /// Its environment, besides the library path.
    pub variables: &'a [(&'a str, &'a str)],
    /// Standard input; `None` means empty. If it is a pipe, its other end breaks when the program
    /// ends.
    pub stdin: Option<OwnedFd>,
    /// Allocation limit in bytes. `None`: a limit far above what videos need.
    pub memory: Option<u64>,
    /// When the program is ended.
    pub deadline: Deadline,
}

/// The result of a run.
#[derive(Debug)]
pub struct Finished<T> {
    /// How the program ended.
    pub ending: Ending,
    /// Its standard output, as captured or as processed by the reader.
    pub stdout: T,
    /// The end of its standard error, or of those of its lines that were to be kept: at most [`STDERR_BYTES`]. May
    /// contain secrets from the arguments.
    pub stderr: String,
    /// Whether the caller set a memory limit.
    pub memory_bounded: bool,
    /// Whether its peak memory reached three quarters of the limit. `false` if that is unknown: the
    /// peak also counts the copy of this process's memory at the fork.
    pub near_memory_bound: bool,
}

/// The program could not be run. Transient: the input is not the cause.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} {}", program.display())]
pub struct ChildError {
    action: &'static str,
    program: PathBuf,
    source: io::Error,
}

/// Limit of the captured standard error, in bytes.
pub const STDERR_BYTES: usize = 16 * 1024;

/// Time between SIGTERM and SIGKILL. FFmpeg ends within one frame; a program that takes longer is
/// stuck.
const GRACE: Duration = Duration::from_secs(2);

/// Number of glibc heaps for the program's threads. Each further heap reserves 64 MiB, and FFmpeg
/// allocates too rarely to benefit.
const HEAPS: &str = "1";

/// This process may grow by this many bytes between measuring its memory and the fork.
const INHERITED_MORE: u64 = 4 * 1024 * 1024;

/// Time to read output after the program has ended. If a descendant holds the output open longer,
/// the group is killed.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs `program` until it ends. Captures its standard output as `keep` says.
///
/// If the returned future is dropped, the whole process group is killed at once. If the calling
/// process dies, the kernel kills the program.
///
/// # Errors
/// The program cannot be started or waited for. A program that fails is not an error but an
/// [`Ending`].
pub async fn run(mut program: Program<'_>, keep: Keep) -> Result<Finished<Vec<u8>>, ChildError> {
    let inherited = resident();
    let (mut child, group) = start(&mut program)?;
    let pipe = child.stdout.take();
    let mut stdout = CapturedOutput::new(keep);
    let draining = stdout.drain(pipe);
    let ended = supervise(&program, child, &group, inherited, draining, |_| true).await?;
    group.disarm();
    Ok(ended.with(stdout.into_bytes()))
}

/// Starts `program` and returns the guard of its group.
fn start(program: &mut Program<'_>) -> Result<(Child, Group), ChildError> {
    let child = spawn(program).map_err(|source| program.failed("start", source))?;
    let group = Group::of(&child);
    Ok((child, group))
}

/// Waits for `child` or ends it, while collecting the lines of its standard error for which `is_kept` is true, and polling
/// `stdout`. `inherited` is its memory at the fork, in bytes.
async fn supervise(
    program: &Program<'_>,
    mut child: Child,
    group: &Group,
    inherited: u64,
    stdout: impl Future<Output = ()>,
    is_kept: impl FnMut(&str) -> bool,
) -> Result<Finished<()>, ChildError> {
    let id = child.id().unwrap_or_default();
    let mut peak = pin!(blocking(move || peak_of_ended(id)));
    let stderr_pipe = child.stderr.take();
    let mut stderr = KeptLines::new(STDERR_BYTES, is_kept);
    let (ending, peak) = {
        let draining = async {
            tokio::join!(stdout, stderr.drain(stderr_pipe));
        };
        tokio::pin!(draining);
        let mut open = true;
        let mut phase = Phase::Running(program.deadline.instant());
        let (peak, ended_by_us) = loop {
            tokio::select! {
                peak = &mut peak => break (peak, !matches!(phase, Phase::Running(_))),
                () = &mut draining, if open => open = false,
                () = sleep_until(phase.until()) => phase = phase.next(group),
            }
        };
        let failed = |source| program.failed("wait for", source);
        let (peak, status) = (peak.map_err(failed)?, child.wait().await.map_err(failed)?);
        if open {
            let end_of_output = Instant::now() + DRAIN;
            tokio::select! {
                () = &mut draining => {}
                () = sleep_until(end_of_output) => group.signal(Signal::KILL),
            }
        }
        (Ending::of(status, ended_by_us), peak)
    };
    let near = |bound: u64| peak >= bound / 4 * 3 && peak > inherited + INHERITED_MORE;
    Ok(Finished {
        ending,
        stdout: (),
        stderr: String::from_utf8_lossy(&stderr.into_bytes()).into_owned(),
        memory_bounded: program.memory.is_some(),
        near_memory_bound: program.memory.is_some_and(near),
    })
}

impl Finished<()> {
    fn with<T>(self, stdout: T) -> Finished<T> {
        Finished {
            ending: self.ending,
            stdout,
            stderr: self.stderr,
            memory_bounded: self.memory_bounded,
            near_memory_bound: self.near_memory_bound,
        }
    }
}

impl Program<'_> {
    fn failed(&self, action: &'static str, source: io::Error) -> ChildError {
        ChildError {
            action,
            program: self.path.to_owned(),
            source,
        }
    }
}

fn spawn(program: &mut Program<'_>) -> io::Result<Child> {
    let mut command = std::process::Command::new(program.path);
    command
        .args(&program.args)
        .current_dir(program.directory.unwrap_or(Path::new("/")))
        .env_clear()
        .envs(program.variables.iter().copied())
        .env("MALLOC_ARENA_MAX", HEAPS)
        .stdin(program.stdin.take().map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    // Lambda puts `/opt/lib`, where layers place FFmpeg's libraries, into this variable.
    let libraries = std::env::var_os("LD_LIBRARY_PATH");
    if let Some(libraries) = &libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let (mut sandbox, report) = Sandbox::of(&SandboxSpec {
        path: program.path,
        libraries: libraries.as_deref(),
        directory: program.directory,
        network: program.network,
        memory: program.memory,
        left: program.deadline.left(),
    });
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `Sandbox::enter`
    // makes system calls and allocates nothing.
    #[expect(
        unsafe_code,
        reason = "the standard library offers no safe way to set this"
    )]
    unsafe {
        command.pre_exec(move || sandbox.enter());
    }
    let child = Command::from(command).spawn()?;
    report.log();
    Ok(child)
}

/// The phase of a run, with the time when the next one begins.
enum Phase {
    Running(Instant),
    Terminated(Instant),
    Killed,
}

impl Phase {
    fn until(&self) -> Instant {
        match self {
            Self::Running(instant) | Self::Terminated(instant) => *instant,
            // A killed process only needs to be waited for.
            Self::Killed => Instant::now() + Duration::from_secs(3600),
        }
    }

    fn next(self, group: &Group) -> Self {
        match self {
            Self::Running(_) => {
                group.signal(Signal::TERM);
                Self::Terminated(Instant::now() + GRACE)
            }
            Self::Terminated(_) | Self::Killed => {
                group.signal(Signal::KILL);
                Self::Killed
            }
        }
    }
}

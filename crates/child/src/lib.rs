//! Runs a program that handles hostile input: no shell, an empty environment, a sandbox, a process
//! group of its own, bounded output, and an end at a deadline that nothing in the group survives.

mod captured_output;
mod ending;
mod group;
pub mod memory;
mod peak;
mod sandbox;
pub mod sealed;

use std::{
    ffi::OsString,
    fs::File,
    future::ready,
    io::{self, ErrorKind},
    os::fd::OwnedFd,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    pin::pin,
    process::Stdio,
    time::Duration,
};

use rustix::{pipe::fcntl_setpipe_size, process::Signal};
use tokio::{
    process::{Child, ChildStdout, Command},
    time::{Instant, sleep_until, timeout},
};

use self::{
    captured_output::CapturedOutput,
    group::Group,
    memory::resident,
    peak::peak_of_ended,
    sandbox::{Sandbox, SandboxSpec},
};
use gifgen_shared::{blocking::blocking, deadline::Deadline};

pub use self::{
    captured_output::Keep,
    ending::Ending,
    sandbox::{FILE_BYTES, Network},
};

/// A program to run, by argument list.
#[derive(Debug)]
pub struct Program<'a> {
    /// Absolute path of the program.
    pub path: &'a Path,
    /// Its arguments, without the program's name.
    pub args: Vec<OsString>,
    /// Working directory, below which it may read and write. Without one it works in `/`, and
    /// may write nowhere.
    pub directory: Option<&'a Path>,
    /// What it may connect to.
    pub network: Network,
    /// Its environment, but for where its libraries are.
    pub variables: &'a [(&'a str, &'a str)],
    /// Its standard input; without one it is empty. The other end of a pipe breaks when the program
    /// ends.
    pub stdin: Option<OwnedFd>,
    /// Most bytes that it may allocate; without a number, a bound far above what videos take.
    pub memory: Option<u64>,
    /// When it is ended if it has not ended by itself.
    pub deadline: Deadline,
}

/// What happened.
#[derive(Debug)]
pub struct Finished<T> {
    /// How it ended.
    pub ending: Ending,
    /// What became of its standard output.
    pub stdout: T,
    /// The last of what it wrote to standard error, at most [`STDERR_BYTES`]. May hold secrets
    /// of the argument list.
    pub stderr: String,
    /// Whether its memory was bounded by its caller.
    pub memory_bounded: bool,
    /// Whether it had three quarters of the memory that it may have, at its peak. `false` where that
    /// cannot be told from the memory of this process, which it had a copy of at first.
    pub near_memory_bound: bool,
}

/// The program could not be run at all. Transient: the input has no part in it.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} {}", program.display())]
pub struct ChildError {
    action: &'static str,
    program: PathBuf,
    source: io::Error,
}

/// How much of standard error is kept, in bytes.
pub const STDERR_BYTES: usize = 16 * 1024;

/// Time between the request to end and the kill. FFmpeg ends within a frame; what does not is
/// stuck.
const GRACE: Duration = Duration::from_secs(2);

/// Size of the pipe to a reader, in bytes: some pictures, so that neither side waits for the
/// other at each of them. Linux gives everybody that much.
const PIPE_BYTES: usize = 1024 * 1024;

/// How many heaps glibc keeps for a program's threads. Each further one reserves 64 MiB, and FFmpeg
/// allocates too rarely to gain by them.
const HEAPS: &str = "1";

/// How much this process may grow between the look at its memory and the fork, in bytes.
const INHERITED_MORE: u64 = 4 * 1024 * 1024;

/// How long output is still read after the program itself has ended: what a descendant holds
/// open longer is closed by killing the group.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs `program` to its end and says how that came, and what it wrote to standard output, as
/// far as that is to be kept.
///
/// If the returned future is dropped, the whole process group is killed at once; the kernel
/// kills the program too when the calling process dies.
///
/// # Errors
/// If the program cannot be started or waited for. That it fails is not an error but an
/// [`Ending`].
pub async fn run(mut program: Program<'_>, keep: Keep) -> Result<Finished<Vec<u8>>, ChildError> {
    let inherited = resident();
    let (mut child, group) = start(&mut program)?;
    let pipe = child.stdout.take();
    let mut stdout = CapturedOutput::new(keep);
    let ended = supervise(&program, child, &group, inherited, stdout.drain(pipe)).await?;
    group.disarm();
    Ok(ended.with(stdout.into_bytes()))
}

/// Runs `program` to its end, as [`run`] does, while `read` works through its standard output on
/// a thread of its own, which may take its time. The program waits when `read` is slower, and
/// when `read` returns early, its next write fails.
///
/// If the returned future is dropped, `read` soon comes to the end of what it reads.
///
/// # Errors
/// If the program cannot be started or waited for.
///
/// # Panics
/// If `read` panics.
pub async fn run_reading<T: Send + 'static>(
    mut program: Program<'_>,
    read: impl FnOnce(File) -> T + Send + 'static,
) -> Result<Finished<T>, ChildError> {
    let inherited = resident();
    let (mut child, group) = start(&mut program)?;
    let pipe = child
        .stdout
        .take()
        .map(ChildStdout::into_owned_fd)
        .transpose();
    let pipe = pipe.map_err(|source| program.failed("read from", source))?;
    let pipe = pipe.ok_or_else(|| program.failed("read from", ErrorKind::BrokenPipe.into()))?;
    // A larger pipe only saves time, and users without privileges have a limit for all together.
    fcntl_setpipe_size(&pipe, PIPE_BYTES).ok();
    let mut reading = pin!(blocking(move || read(File::from(pipe))));
    let ended = supervise(&program, child, &group, inherited, ready(())).await?;
    let stdout = match timeout(DRAIN, &mut reading).await {
        Ok(stdout) => stdout,
        Err(_) => {
            // It may just be slow. But a descendant that holds the pipe open keeps it waiting.
            group.signal(Signal::KILL);
            reading.await
        }
    };
    group.disarm();
    Ok(ended.with(stdout))
}

/// Starts `program`, with the group that kills it.
fn start(program: &mut Program<'_>) -> Result<(Child, Group), ChildError> {
    let child = spawn(program).map_err(|source| program.failed("start", source))?;
    let group = Group::of(&child);
    Ok((child, group))
}

/// Waits for the end of `child`, or brings it about, while its standard error is collected and
/// `stdout` is polled. When it was forked, it had about the `inherited` bytes in memory.
async fn supervise(
    program: &Program<'_>,
    mut child: Child,
    group: &Group,
    inherited: u64,
    stdout: impl Future<Output = ()>,
) -> Result<Finished<()>, ChildError> {
    let id = child.id().unwrap_or_default();
    let mut peak = pin!(blocking(move || peak_of_ended(id)));
    let stderr_pipe = child.stderr.take();
    let mut stderr = CapturedOutput::new(Keep::Last(STDERR_BYTES));
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
    // Layers bring FFmpeg's libraries along in /opt/lib, which Lambda names here.
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
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; `Sandbox::enter` makes
    // system calls and allocates nothing.
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

/// Where a run is on its way to its end, and until when it stays there.
enum Phase {
    Running(Instant),
    Terminated(Instant),
    Killed,
}

impl Phase {
    fn until(&self) -> Instant {
        match self {
            Self::Running(instant) | Self::Terminated(instant) => *instant,
            // A killed process is only waited for.
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

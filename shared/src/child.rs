//! Runs a program that handles hostile input: no shell, an empty environment, a process group
//! of its own, bounded output, and an end at a deadline that nothing in the group survives.

use std::{
    ffi::OsString,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::{Instant, sleep_until},
};

use crate::deadline::Deadline;

/// A program to run, by argument list.
#[derive(Debug)]
pub struct Program<'a> {
    /// Absolute path of the program.
    pub path: &'a Path,
    /// Its arguments, without the program's name.
    pub args: Vec<OsString>,
    /// Working directory.
    pub directory: &'a Path,
    /// When it is ended if it has not ended by itself.
    pub deadline: Deadline,
    /// How many bytes of its standard output are kept, and which.
    pub stdout: Keep,
}

/// Which part of an output stream is kept; the rest is read and dropped.
#[derive(Clone, Copy, Debug)]
pub enum Keep {
    /// The first so many bytes.
    First(usize),
    /// The last so many bytes.
    Last(usize),
}

/// What happened.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// What it wrote to standard output, as far as it was kept.
    pub stdout: Vec<u8>,
    /// The last of what it wrote to standard error, at most [`STDERR_BYTES`]. May hold secrets
    /// of the argument list.
    pub stderr: String,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this exit code.
    Exited(i32),
    /// By a signal that did not come from here, such as the kernel's when memory is short.
    Killed {
        /// Number of the signal.
        signal: i32,
    },
    /// At the deadline, by us.
    DeadlinePassed,
}

/// The program could not be run at all. Transient: the input has no part in it.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} {}: {source}", program.display())]
pub struct ChildError {
    action: &'static str,
    program: PathBuf,
    source: std::io::Error,
}

/// How much of standard error is kept, in bytes.
pub const STDERR_BYTES: usize = 16 * 1024;

/// Time between the request to end and the kill. FFmpeg ends within a frame; what does not is
/// stuck.
const GRACE: Duration = Duration::from_secs(2);

/// How long output is still read after the program itself has ended: what a descendant holds
/// open longer is closed by killing the group.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs `program` to its end and says how that came.
///
/// If the returned future is dropped, the whole process group is killed at once; the kernel
/// kills the program too when the calling process dies.
///
/// # Errors
/// If the program cannot be started or waited for. That it fails is not an error but an
/// [`Ending`].
pub async fn run(program: Program<'_>) -> Result<Finished, ChildError> {
    let failed = |action| {
        let path = program.path.to_owned();
        move |source| ChildError {
            action,
            program: path,
            source,
        }
    };
    let mut child = spawn(&program).map_err(failed("start"))?;
    let group = Group::of(&child);
    let (stdout_pipe, stderr_pipe) = (child.stdout.take(), child.stderr.take());
    let mut stdout = Kept::new(program.stdout);
    let mut stderr = Kept::new(Keep::Last(STDERR_BYTES));
    let drained = {
        let draining = async {
            tokio::join!(stdout.drain(stdout_pipe), stderr.drain(stderr_pipe));
        };
        tokio::pin!(draining);
        let mut open = true;
        let mut phase = Phase::Running(program.deadline.instant());
        let (status, ended_by_us) = loop {
            tokio::select! {
                status = child.wait() => break (status, !matches!(phase, Phase::Running(_))),
                () = &mut draining, if open => open = false,
                () = sleep_until(phase.until()) => phase = phase.next(&group),
            }
        };
        let status = status.map_err(failed("wait for"))?;
        if open {
            let end_of_output = Instant::now() + DRAIN;
            tokio::select! {
                () = &mut draining => {}
                () = sleep_until(end_of_output) => group.signal(Signal::KILL),
            }
        }
        (status, ended_by_us)
    };
    group.disarm();
    let (status, ended_by_us) = drained;
    Ok(Finished {
        ending: Ending::of(status, ended_by_us),
        stdout: stdout.into_bytes(),
        stderr: String::from_utf8_lossy(&stderr.into_bytes()).into_owned(),
    })
}

fn spawn(program: &Program<'_>) -> std::io::Result<Child> {
    let mut command = std::process::Command::new(program.path);
    command
        .args(&program.args)
        .current_dir(program.directory)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    // Layers bring FFmpeg's libraries along in /opt/lib, which Lambda names here.
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; the closure makes
    // one prctl system call and allocates nothing.
    #[expect(
        unsafe_code,
        reason = "the standard library offers no safe way to set this"
    )]
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            Ok(())
        });
    }
    Command::from(command).spawn()
}

impl Ending {
    fn of(status: ExitStatus, ended_by_us: bool) -> Self {
        match (status.code(), status.signal()) {
            _ if ended_by_us => Self::DeadlinePassed,
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Killed {
                signal: signal.unwrap_or_default(),
            },
        }
    }
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

/// The process group of a child, killed when this is dropped while armed.
struct Group(std::cell::Cell<Option<Pid>>);

impl Group {
    fn of(child: &Child) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Self(std::cell::Cell::new(leader))
    }

    /// Sends `signal` to all in the group. That none are left is what is wanted, not an error.
    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0.get() {
            rustix::process::kill_process_group(leader, signal).ok();
        }
    }

    fn disarm(&self) {
        self.0.set(None);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The kept part of a stream.
struct Kept {
    keep: Keep,
    bytes: Vec<u8>,
}

impl Kept {
    fn new(keep: Keep) -> Self {
        Self {
            keep,
            bytes: Vec::new(),
        }
    }

    /// Reads to the end. A read error ends the stream as its closing would.
    async fn drain(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut block = vec![0; 32 * 1024];
        while let Ok(count @ 1..) = pipe.read(&mut block).await {
            self.add(&block[..count]);
        }
    }

    fn add(&mut self, block: &[u8]) {
        match self.keep {
            Keep::First(limit) => {
                let room = limit.saturating_sub(self.bytes.len());
                self.bytes
                    .extend_from_slice(&block[..block.len().min(room)]);
            }
            Keep::Last(limit) => {
                self.bytes.extend_from_slice(block);
                // Trimmed at twice the limit, so that each byte is moved once at most.
                if self.bytes.len() > 2 * limit {
                    self.bytes.drain(..self.bytes.len() - limit);
                }
            }
        }
    }

    fn into_bytes(mut self) -> Vec<u8> {
        if let Keep::Last(limit) = self.keep {
            let surplus = self.bytes.len().saturating_sub(limit);
            self.bytes.drain(..surplus);
        }
        self.bytes
    }
}

//! Runs a program while one of its outputs is processed.

use std::{
    fs::File,
    future::ready,
    io::{self, ErrorKind},
    os::fd::OwnedFd,
    pin::pin,
};

use gifgen_shared::blocking::blocking;
use rustix::{pipe::fcntl_setpipe_size, process::Signal};
use tokio::{
    process::{ChildStderr, ChildStdout},
    time::timeout,
};

use crate::{
    ChildError, DRAIN, Finished, Keep, Program, captured_output::CapturedOutput, group::Group,
    memory::resident, start, supervise,
};

/// Size of the pipe to a reader, in bytes. It holds several pictures, so that the two sides need
/// not wait for each other at each one. Linux allows this much to unprivileged users.
const PIPE_BYTES: usize = 1024 * 1024;

/// Like [`crate::run`], but `read` processes the program's standard output on its own thread and may
/// block. The program waits while `read` is slower; if `read` returns early, the program's next
/// write fails. Of standard error, those lines are captured for which `is_kept` is true.
///
/// If the returned future is dropped, `read` soon reaches the end of its input.
///
/// # Errors
/// The program cannot be started or waited for.
///
/// # Panics
/// If `read` panics.
pub async fn run_reading<T: Send + 'static>(
    mut program: Program<'_>,
    is_kept: impl FnMut(&str) -> bool,
    read: impl FnOnce(File) -> T + Send + 'static,
) -> Result<Finished<T>, ChildError> {
    let inherited = resident();
    let (mut child, group) = start(&mut program)?;
    let pipe = child.stdout.take().map(ChildStdout::into_owned_fd);
    let pipe = piped(&program, pipe)?;
    // A larger pipe only saves time, and unprivileged users share a total limit.
    fcntl_setpipe_size(&pipe, PIPE_BYTES).ok();
    let reading = blocking(move || read(File::from(pipe)));
    let supervised = supervise(&program, child, &group, inherited, ready(()), is_kept);
    let finished = read_while_running(supervised, &group, reading).await?;
    group.disarm();
    Ok(finished)
}

/// Like [`run_reading`], but `read` processes the program's standard error. Standard output is read
/// and dropped.
///
/// # Errors
/// The program cannot be started or waited for.
///
/// # Panics
/// If `read` panics.
pub async fn run_reading_log<T: Send + 'static>(
    mut program: Program<'_>,
    read: impl FnOnce(File) -> T + Send + 'static,
) -> Result<Finished<T>, ChildError> {
    let inherited = resident();
    let (mut child, group) = start(&mut program)?;
    let log = child.stderr.take().map(ChildStderr::into_owned_fd);
    let log = piped(&program, log)?;
    let pipe = child.stdout.take();
    let mut dropped = CapturedOutput::new(Keep::First(0));
    let reading = blocking(move || read(File::from(log)));
    let dropping = dropped.drain(pipe);
    let supervised = supervise(&program, child, &group, inherited, dropping, |_| true);
    let finished = read_while_running(supervised, &group, reading).await?;
    group.disarm();
    Ok(finished)
}

/// The pipe from `program`.
fn piped(program: &Program<'_>, pipe: Option<io::Result<OwnedFd>>) -> Result<OwnedFd, ChildError> {
    let pipe = pipe.unwrap_or_else(|| Err(ErrorKind::BrokenPipe.into()));
    pipe.map_err(|source| program.failed("read from", source))
}

/// Waits until a child has ended, which is `supervised`, and `reading`, which reads one of its outputs.
async fn read_while_running<T>(
    supervised: impl Future<Output = Result<Finished<()>, ChildError>>,
    group: &Group,
    reading: impl Future<Output = T>,
) -> Result<Finished<T>, ChildError> {
    let mut reading = pin!(reading);
    let ended = supervised.await?;
    let read = match timeout(DRAIN, &mut reading).await {
        Ok(read) => read,
        Err(_) => {
            // The reader may just be slow, or a descendant holds the pipe open. Killing the group
            // closes it.
            group.signal(Signal::KILL);
            reading.await
        }
    };
    Ok(ended.with(read))
}

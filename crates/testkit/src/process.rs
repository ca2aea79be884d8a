//! A process that runs beside a test, in its own process group, with its output captured. Dropping
//! the handle kills it and its descendants.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    thread,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::sync::watch;

use crate::{descendants::descendants, memory_bound::MemoryBound};

pub(crate) struct Process {
    child: Child,
    log: watch::Receiver<String>,
    /// Dropped last, because the processes are in it.
    _memory: Option<MemoryBound>,
}

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self::spawn_within(command, None)
    }

    /// Starts `command`. The limit applies to it and its descendants.
    pub(crate) fn spawn_within(command: &mut Command, memory: Option<MemoryBound>) -> Self {
        let group = memory.as_ref().and_then(MemoryBound::entrance);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        // SAFETY: between fork and exec only async-signal-safe calls are allowed. The closure makes
        // system calls and allocates nothing.
        #[expect(
            unsafe_code,
            reason = "the standard library offers no safe way to set this"
        )]
        unsafe {
            // Ctrl-C ends the test but does not reach another process group; the kernel then ends
            // this one.
            command.pre_exec(move || {
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
                if let Some(group) = &group {
                    rustix::io::write(group, b"0")?;
                }
                Ok(())
            });
        }
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("failed to start {command:?}: {error}"));
        let (sender, log) = watch::channel(String::new());
        keep(child.stdout.take().unwrap(), sender.clone());
        keep(child.stderr.take().unwrap(), sender);
        if let Some(memory) = &memory {
            memory.watch(child.id());
        }
        Self {
            child,
            log,
            _memory: memory,
        }
    }

    /// Waits until `find` finds something in the output.
    ///
    /// # Errors
    /// The program ended without it; contains the whole output.
    pub(crate) async fn says<T>(&self, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let mut log = self.log.clone();
        match log.wait_for(|log| find(log).is_some()).await {
            Ok(log) => Ok(find(&log).unwrap()),
            Err(_) => Err(self.log()),
        }
    }

    /// Its output so far: standard output and error, in the order of arrival.
    pub(crate) fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// Waits until it and all processes that write to its output have ended.
    pub(crate) async fn end(&self) {
        self.says(|_| None::<()>).await.ok();
    }

    /// Kills it and its descendants; they have stopped when this returns.
    pub(crate) fn kill(&self) {
        let started = descendants(self.child.id());
        let leader = Pid::from_child(&self.child);
        // It is no error if none is left.
        rustix::process::kill_process_group(leader, Signal::KILL).ok();
        for pid in started {
            rustix::process::kill_process(pid, Signal::KILL).ok();
        }
        // The process stays a zombie, so that others can collect its status.
        let dead = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        rustix::process::waitid(WaitId::Pid(leader), dead).ok();
    }

    /// Stops its process group.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues its process group.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        // If it has ended, its waiter reports that.
        rustix::process::kill_process_group(Pid::from_child(&self.child), signal).ok();
    }

    /// Process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended. Leaves its status to be collected.
    pub(crate) fn is_over(&self) -> bool {
        let leader = Pid::from_child(&self.child);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let waited = rustix::process::waitid(WaitId::Pid(leader), options);
        waited.unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        self.child.wait().ok();
    }
}

/// Appends the lines of `pipe` to the log until its end.
fn keep(pipe: impl Read + Send + 'static, log: watch::Sender<String>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            log.send_modify(|log| log.push_str(&String::from_utf8_lossy(&line)));
            line.clear();
        }
    });
}

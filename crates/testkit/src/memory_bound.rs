//! A function's memory limit, for a process and all its descendants.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::PathBuf,
    process,
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    param::page_size,
    process::{Pid, Signal, kill_process},
};

use crate::descendants::descendants;

/// Interval between measurements if the kernel does not enforce the limit.
const SAMPLING: Duration = Duration::from_millis(20);

/// A control group, or else a thread that measures. Must be dropped after the processes.
pub(crate) enum MemoryBound {
    /// The kernel enforces the limit.
    Group(PathBuf),
    /// A thread kills processes above the limit.
    Sampled {
        /// Limit of resident memory, in bytes.
        bytes: u64,
        /// Tells the thread to end.
        ended: Arc<AtomicBool>,
    },
}

impl MemoryBound {
    /// A control group if possible, else sampling.
    pub(crate) fn new(bytes: u64) -> Self {
        Self::group(bytes).unwrap_or_else(|| Self::sampled(bytes))
    }

    /// Sampling, which works on any machine.
    pub(crate) fn sampled(bytes: u64) -> Self {
        let ended = Arc::default();
        Self::Sampled { bytes, ended }
    }

    /// A control group of version 1 or 2, if this user may create one.
    fn group(bytes: u64) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gifgen-test-{}-{number}", process::id());
        [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ]
        .into_iter()
        .find_map(|(parent, limit)| {
            let group = PathBuf::from(parent).join(&name);
            fs::create_dir(&group).ok()?;
            let bound = Self::Group(group.clone());
            // Without the memory controller the file does not exist, and dropping removes the
            // group.
            let limit = OpenOptions::new().write(true).open(group.join(limit));
            limit.ok()?.write_all(bytes.to_string().as_bytes()).ok()?;
            Some(bound)
        })
    }

    /// The file that a process writes "0" to in order to join the group.
    pub(crate) fn entrance(&self) -> Option<File> {
        match self {
            Self::Group(group) => {
                let entrance = OpenOptions::new()
                    .write(true)
                    .open(group.join("cgroup.procs"));
                Some(entrance.unwrap_or_else(|error| panic!("{}: {error}", group.display())))
            }
            Self::Sampled { .. } => None,
        }
    }

    /// Watches `process` and its descendants, unless the kernel does.
    pub(crate) fn watch(&self, process: u32) {
        if let Self::Sampled { bytes, ended } = self {
            let (bytes, ended) = (*bytes, Arc::clone(ended));
            thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    let tree = descendants(process);
                    if tree.iter().copied().map(resident).sum::<u64>() > bytes {
                        for pid in tree {
                            // A process that has ended meanwhile uses no memory.
                            kill_process(pid, Signal::KILL).ok();
                        }
                    }
                    thread::sleep(SAMPLING);
                }
            });
        }
    }
}

impl Drop for MemoryBound {
    fn drop(&mut self) {
        match self {
            Self::Sampled { ended, .. } => ended.store(true, Ordering::Relaxed),
            Self::Group(group) => {
                // The kernel releases killed processes a moment later.
                let patience = Instant::now() + Duration::from_secs(5);
                while let Err(error) = fs::remove_dir(&*group) {
                    if Instant::now() > patience {
                        eprintln!("failed to remove {}: {error}", group.display());
                        return;
                    }
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }
}

/// Resident memory of a process in bytes; 0 if it has ended.
fn resident(pid: Pid) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{}/statm", pid.as_raw_nonzero())).ok();
    let pages = statm.and_then(|line| line.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or_default() * page_size() as u64
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::process::Process;

    const MIB: u64 = 1024 * 1024;

    /// Whether a program that fills 100 MiB runs to its end.
    async fn fills(bound: MemoryBound) -> bool {
        let mut command = Command::new("sh");
        // `tail` keeps the endless line in memory.
        command.args([
            "-c",
            "head -c 104857600 /dev/zero | tail -n 1 | { sleep 1; wc -c; }",
        ]);
        let process = Process::spawn_within(&mut command, Some(bound));
        let said = process.says(|log| log.contains("104857600").then_some(()));
        said.await.is_ok()
    }

    #[tokio::test]
    async fn what_takes_more_memory_than_it_has_is_killed_by_who_measures() {
        assert!(fills(MemoryBound::sampled(400 * MIB)).await);
        assert!(!fills(MemoryBound::sampled(40 * MIB)).await);
    }

    #[tokio::test]
    async fn what_takes_more_memory_than_it_has_is_killed_by_the_kernel() {
        let (Some(ample), Some(short)) =
            (MemoryBound::group(400 * MIB), MemoryBound::group(40 * MIB))
        else {
            eprintln!("SKIPPED: this user may make no control group for memory");
            return;
        };
        let MemoryBound::Group(group) = &short else {
            unreachable!("it is a group");
        };
        let group = group.clone();
        assert!(fills(ample).await);
        assert!(!fills(short).await);
        assert!(!group.exists(), "the control group is still there");
    }
}

//! Peak memory of child processes and of theirs.

use std::{
    collections::BTreeMap,
    fs, process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// Time between two looks. What a process needs for less may be missed.
const INTERVAL: Duration = Duration::from_millis(20);

/// What `work` returns, and the most memory in bytes that this process's descendants had at one
/// time; `None` where there is no `/proc`.
///
/// It is the sum of their resident sets, so that a library's pages count once for each process
/// that uses them. The looks cost CPU time: times are measured in other runs.
pub fn peak_memory<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = None;
            while !done.load(Ordering::Relaxed) {
                peak = peak.max(descendants_memory());
                thread::sleep(INTERVAL);
            }
            peak
        });
        // Or else a panic in `work` would leave the watch running, and this scope waiting.
        let stop = StopOnDrop(&done);
        let result = work();
        drop(stop);
        (result, watch.join().ok().flatten())
    })
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A process as `/proc` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    parent: u32,
    bytes: u64,
}

fn descendants_memory() -> Option<u64> {
    let processes = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            // It may have ended since.
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            Some((id, Process::read(&status)?))
        })
        .collect();
    Some(memory_below(process::id(), &processes))
}

impl Process {
    fn read(status: &str) -> Option<Self> {
        let value = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        Some(Self {
            parent: value("PPid:")?.try_into().ok()?,
            // The kernel's threads and the dead have none.
            bytes: value("VmRSS:").unwrap_or(0) * 1024,
        })
    }
}

/// Memory of all descendants of the process `ancestor`, without its own.
fn memory_below(ancestor: u32, processes: &BTreeMap<u32, Process>) -> u64 {
    processes
        .iter()
        .filter(|(_, process)| process.parent == ancestor)
        .map(|(id, process)| process.bytes + memory_below(*id, processes))
        .sum()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_status_tells_the_parent_and_the_resident_set() {
        let status = "Name:\tffmpeg\nPid:\t12\nPPid:\t7\nVmHWM:\t   900 kB\nVmRSS:\t   800 kB\n";
        let process = Process {
            parent: 7,
            bytes: 800 * 1024,
        };
        assert_eq!(Process::read(status), Some(process));
    }

    #[test]
    fn grandchildren_count_and_strangers_do_not() {
        let processes = [(1, 0, 100), (2, 1, 20), (3, 2, 3), (4, 1, 4), (9, 8, 1000)]
            .map(|(id, parent, bytes)| (id, Process { parent, bytes }));
        assert_eq!(memory_below(1, &processes.into()), 27);
    }

    #[test]
    fn a_running_child_is_seen() {
        let (status, peak) = peak_memory(|| Command::new("sleep").arg("0.2").status());
        assert!(status.unwrap().success());
        assert!(peak.is_none_or(|bytes| bytes > 0), "{peak:?}");
    }
}

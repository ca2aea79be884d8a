//! Peak memory of descendant processes.

use std::{
    collections::BTreeMap,
    fs, process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// Sampling interval. Shorter peaks may be missed.
const INTERVAL: Duration = Duration::from_millis(20);

/// Runs `work`. Also returns the peak memory of this process's descendants in bytes; `None` without
/// `/proc`.
///
/// Shared pages count once, in proportion, because a forked process has all its parent's pages.
/// Sampling costs CPU time, so times are measured in other runs.
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
        // Otherwise a panic in `work` would leave the sampling thread running, and this scope
        // waiting.
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
    /// Resident memory in bytes.
    resident: u64,
}

fn descendants_memory() -> Option<u64> {
    let processes = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            // The process may have ended.
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            Some((id, Process::read(&status)?))
        })
        .collect();
    let below = below(process::id(), &processes).into_iter();
    Some(
        below
            .map(|(id, process)| share(id).unwrap_or(process.resident))
            .sum(),
    )
}

/// Memory of the process `id` in bytes, counting shared pages in proportion; `None` if the process
/// hides it.
fn share(id: u32) -> Option<u64> {
    let maps = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    kilobytes(&maps, "Pss:")
}

impl Process {
    fn read(status: &str) -> Option<Self> {
        Some(Self {
            parent: number(status, "PPid:")?.try_into().ok()?,
            // Kernel threads and zombies have none.
            resident: kilobytes(status, "VmRSS:").unwrap_or(0),
        })
    }
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    Some(number(text, name)? * 1024)
}

fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// All descendants of the process `ancestor`.
fn below(ancestor: u32, processes: &BTreeMap<u32, Process>) -> BTreeMap<u32, Process> {
    let children = processes
        .iter()
        .filter(|(_, process)| process.parent == ancestor);
    children
        .flat_map(|(id, process)| {
            let mut family = below(*id, processes);
            family.insert(*id, *process);
            family
        })
        .collect()
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
            resident: 800 * 1024,
        };
        assert_eq!(Process::read(status), Some(process));
    }

    #[test]
    fn what_processes_share_counts_in_proportion() {
        let share = "00400000-7ffe [rollup]\nRss:     900 kB\nPss:     300 kB\nPss_Dirty:  1 kB\n";
        assert_eq!(kilobytes(share, "Pss:"), Some(300 * 1024));
    }

    #[test]
    fn grandchildren_count_and_strangers_do_not() {
        let resident = 1;
        let processes = [(1, 0), (2, 1), (3, 2), (4, 1), (9, 8)]
            .map(|(id, parent)| (id, Process { parent, resident }));
        let below = below(1, &processes.into());
        assert_eq!(below.into_keys().collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn a_running_child_is_seen() {
        let (status, peak) = peak_memory(|| Command::new("sleep").arg("0.2").status());
        assert!(status.unwrap().success());
        assert!(peak.is_none_or(|bytes| bytes > 0), "{peak:?}");
    }
}

//! What `/proc` reveals about other processes.

use std::{
    fs::{self, File},
    io,
    os::unix::{fs::FileExt, process::parent_id},
    process,
};

/// Memory is read in chunks of this size, in bytes.
const PIECE: usize = 1024 * 1024;

/// All other visible processes, parent first.
pub fn others() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut others: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != process::id())
        .collect();
    others.sort_by_key(|pid| *pid != parent_id());
    others
}

/// Whether another process's environment or memory contains `secret`.
pub fn tell(secret: &str) -> bool {
    others()
        .into_iter()
        .any(|pid| environment_tells(pid, secret) || memory_tells(pid, secret).unwrap_or(false))
}

/// Reads the first byte of a mapped memory range of `pid`.
pub fn read_memory(pid: u32) -> io::Result<()> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    // If the mappings are hidden, opening the file is all that can be tried.
    let Some((start, _)) = mapped(pid)?.into_iter().next() else {
        return Ok(());
    };
    memory.read_exact_at(&mut [0], start)
}

/// Whether the environment of `pid` can be read and contains `secret`.
pub fn environment_tells(pid: u32, secret: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ"));
    environment.is_ok_and(|environment| holds(&environment, secret))
}

fn memory_tells(pid: u32, secret: &str) -> io::Result<bool> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut piece = vec![0; PIECE];
    for (start, end) in mapped(pid)? {
        let mut at = start;
        while at < end {
            let want = PIECE.min((end - at) as usize);
            match memory.read_at(&mut piece[..want], at) {
                Ok(read @ 1..) => {
                    if holds(&piece[..read], secret) {
                        return Ok(true);
                    }
                    // The secret may cross a chunk boundary.
                    at += read.saturating_sub(secret.len()).max(1) as u64;
                    if read < want || at + secret.len() as u64 >= end {
                        break;
                    }
                }
                // Some mappings, such as those of devices, cannot be read.
                _ => break,
            }
        }
    }
    Ok(false)
}

/// The readable and writable memory ranges of `pid`: start (inclusive) and end (exclusive).
fn mapped(pid: u32) -> io::Result<Vec<(u64, u64)>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let range = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let hexadecimal = |text| u64::from_str_radix(text, 16).ok();
        rest.starts_with("rw")
            .then_some((hexadecimal(start)?, hexadecimal(end)?))
    };
    Ok(maps.lines().filter_map(range).collect())
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

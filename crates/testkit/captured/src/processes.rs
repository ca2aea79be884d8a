//! What `/proc` tells of other processes.

use std::{
    fs::{self, File},
    io,
    os::unix::{fs::FileExt, process::parent_id},
    process,
};

/// Memory is read in pieces of this size, in bytes.
const PIECE: usize = 1024 * 1024;

/// All processes that are to be seen, the parent first, without this one.
pub fn others() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut others: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != process::id())
        .collect();
    others.sort_by_key(|pid| *pid != parent_id());
    others
}

/// Whether one of the other processes shows `secret` in its environment or in its memory.
pub fn tell(secret: &str) -> bool {
    others()
        .into_iter()
        .any(|pid| environment_tells(pid, secret) || memory_tells(pid, secret).unwrap_or(false))
}

/// Reads the first byte of a mapped part of the memory of `pid`.
pub fn read_memory(pid: u32) -> io::Result<()> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    // Where nothing says what is mapped, opening it is all that can be tried.
    let Some((start, _)) = mapped(pid)?.into_iter().next() else {
        return Ok(());
    };
    memory.read_exact_at(&mut [0], start)
}

/// Whether the environment of `pid` can be read, and holds `secret`.
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
                    // The secret may lie across two pieces.
                    at += read.saturating_sub(secret.len()).max(1) as u64;
                    if read < want || at + secret.len() as u64 >= end {
                        break;
                    }
                }
                // Some mappings, of devices for instance, cannot be read.
                _ => break,
            }
        }
    }
    Ok(false)
}

/// The readable and writable parts of the memory of `pid`, as first and last address.
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

//! One timed run of a program that writes previews.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::cpu_time::children_cpu;

/// What a run cost, and what it made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Run {
    /// Time by the clock.
    pub wall: Duration,
    /// User and system time of all its processes.
    pub cpu: Duration,
    /// What it wrote.
    pub made: Made,
}

/// The previews in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Number of GIFs.
    pub gifs: u32,
    /// Their size, in bytes.
    pub gif_bytes: u64,
    /// Number of JPGs.
    pub jpgs: u32,
    /// Their size, in bytes.
    pub jpg_bytes: u64,
}

/// Times `work`, which writes to the folder that it is given. Children of other threads would
/// be counted too, so runs must not overlap.
///
/// # Errors
/// If `work` fails, or makes no GIF.
pub fn timed(work: impl FnOnce(&Path) -> Result<()>) -> Result<Run> {
    let out = tempfile::tempdir().context("failed to make a folder for the previews")?;
    let cpu = children_cpu();
    let started = Instant::now();
    work(out.path())?;
    let wall = started.elapsed();
    let cpu = children_cpu().saturating_sub(cpu);
    let made = Made::in_folder(out.path()).context("failed to count the previews")?;
    ensure!(made.gifs > 0, "no GIF was made; is there a video stream?");
    Ok(Run { wall, cpu, made })
}

/// Runs `command` to its end, silently unless it fails.
///
/// # Errors
/// If it does not start or fails.
pub fn finish(command: &mut Command) -> Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to start {name}; is it installed?"))?;
    ensure!(
        output.status.success(),
        "{name} failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}

impl Made {
    fn in_folder(folder: &Path) -> std::io::Result<Self> {
        let mut made = Self::default();
        for entry in fs::read_dir(folder)? {
            let (path, metadata) = entry.and_then(|e| Ok((e.path(), e.metadata()?)))?;
            if metadata.is_dir() {
                made = made.and(Self::in_folder(&path)?);
                continue;
            }
            match path.extension().and_then(OsStr::to_str) {
                Some("gif") => {
                    made.gifs += 1;
                    made.gif_bytes += metadata.len();
                }
                Some("jpg") => {
                    made.jpgs += 1;
                    made.jpg_bytes += metadata.len();
                }
                _ => {}
            }
        }
        Ok(made)
    }

    fn and(self, other: Self) -> Self {
        Self {
            gifs: self.gifs + other.gifs,
            gif_bytes: self.gif_bytes + other.gif_bytes,
            jpgs: self.jpgs + other.jpgs,
            jpg_bytes: self.jpg_bytes + other.jpg_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_counted_in_subfolders_too() {
        let run = timed(|out| {
            fs::create_dir(out.join("gifs"))?;
            fs::write(out.join("gifs/0.gif"), "12345")?;
            fs::write(out.join("0.jpg"), "123")?;
            fs::write(out.join("else.json"), "1")?;
            Ok(())
        });
        let made = Made {
            gifs: 1,
            gif_bytes: 5,
            jpgs: 1,
            jpg_bytes: 3,
        };
        assert_eq!(run.unwrap().made, made);
    }

    #[test]
    fn a_program_that_fails_says_why() {
        let error = finish(Command::new("sh").args(["-c", "echo no such stream >&2; exit 3"]));
        assert!(error.unwrap_err().to_string().contains("no such stream"));
    }

    #[test]
    fn the_cpu_time_of_grandchildren_is_counted() {
        let burn = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; :";
        let run = timed(|out| {
            fs::write(out.join("0.gif"), "1")?;
            finish(Command::new("sh").args(["-c", burn])).map(drop)
        });
        assert!(run.unwrap().cpu > Duration::from_millis(10));
    }
}

//! Runs programs, and times them.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{cpu_time::children_cpu, previews::Made};

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

impl Run {
    /// Seconds by the clock.
    pub fn wall_seconds(&self) -> f64 {
        self.wall.as_secs_f64()
    }

    /// Seconds of user and system time.
    pub fn cpu_seconds(&self) -> f64 {
        self.cpu.as_secs_f64()
    }
}

/// Times `work`, which writes to the folder that it is given. Children of other threads would
/// be counted too, so runs must not overlap.
///
/// # Errors
/// If `work` fails.
pub fn timed(work: impl FnOnce(&Path) -> Result<()>) -> Result<Run> {
    let out = tempfile::tempdir().context("failed to make a folder for the previews")?;
    let cpu = children_cpu();
    let started = Instant::now();
    work(out.path())?;
    let wall = started.elapsed();
    let cpu = children_cpu().saturating_sub(cpu);
    let made = Made::in_folder(out.path()).context("failed to count the previews")?;
    Ok(Run { wall, cpu, made })
}

/// Runs `command` to its end, silently unless it fails. Returns what it says.
///
/// # Errors
/// If it does not start or fails.
pub fn finish(command: &mut Command) -> Result<Output> {
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
    Ok(output)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
        })
        .unwrap();
        assert!(run.cpu > Duration::from_millis(10));
        assert_eq!(run.made.gifs, 1);
    }
}

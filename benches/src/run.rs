//! Runs and times programs.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{cpu_time::children_cpu, previews::PreviewTotals};

/// Cost and output of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Run {
    /// Wall time.
    pub wall: Duration,
    /// User and system time of all its processes.
    pub cpu: Duration,
    /// The previews that it wrote.
    pub previews: PreviewTotals,
}

impl Run {
    /// Wall time in seconds.
    pub fn wall_seconds(&self) -> f64 {
        self.wall.as_secs_f64()
    }

    /// User and system time in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        self.cpu.as_secs_f64()
    }
}

/// Times `work`, which writes to the given folder. Runs must not overlap, because children of other
/// threads are counted too.
///
/// # Errors
/// `work` fails.
pub fn timed(work: impl FnOnce(&Path) -> Result<()>) -> Result<Run> {
    let out = tempfile::tempdir().context("failed to make a folder for the previews")?;
    let cpu = children_cpu();
    let started = Instant::now();
    work(out.path())?;
    let wall = started.elapsed();
    let cpu = children_cpu().saturating_sub(cpu);
    let previews = PreviewTotals::in_folder(out.path()).context("failed to count the previews")?;
    Ok(Run {
        wall,
        cpu,
        previews,
    })
}

/// Runs `command` to its end and returns its output. Prints that only on failure.
///
/// # Errors
/// The command does not start, or fails.
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
        assert_eq!(run.previews.gifs, 1);
    }
}

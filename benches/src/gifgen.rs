//! Renders with the program `gifgen run`, including its embedded servers.

use std::{
    env,
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{clip::Clip, run::finish};

/// The program `gifgen`.
#[derive(Clone, Debug)]
pub struct Gifgen {
    program: PathBuf,
}

impl Gifgen {
    /// The program in `GIFGEN_BIN`, or else one that Cargo builds now.
    ///
    /// # Errors
    /// The build fails.
    pub fn find() -> Result<Self> {
        let program = match env::var_os("GIFGEN_BIN") {
            Some(program) => PathBuf::from(program),
            None => build()?,
        };
        Ok(Self { program })
    }

    /// Writes the previews of `clip` to `out`, rendering at most `workers` slices at once.
    ///
    /// # Errors
    /// A preview is missing.
    pub fn render(&self, clip: &Clip, workers: NonZero<u32>, out: &Path) -> Result<()> {
        self.render_with(&[], clip, workers, out)
    }

    /// Like [`render`](Self::render), with more `flags`.
    ///
    /// # Errors
    /// A preview is missing.
    pub fn render_with(
        &self,
        flags: &[&str],
        clip: &Clip,
        workers: NonZero<u32>,
        out: &Path,
    ) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("run").arg("--out").arg(out);
        command.arg("--concurrency").arg(workers.to_string());
        // Settings in the environment would make the methods do different work.
        for (flag, value) in SETTINGS {
            command.args([flag, value]);
        }
        for variable in ["FRAME_WIDTH", "DECODE", "GIF_DITHER", "GIFS"] {
            command.env_remove(variable);
        }
        command.args(flags);
        finish(command.arg("--").arg(&clip.path)).map(drop)
    }
}

/// What the AWS sample makes, and no overview.
const SETTINGS: [(&str, &str); 5] = [
    ("--overview", "none"),
    ("--slice-seconds", "30"),
    ("--frames", "each"),
    ("--gif-width", "240"),
    ("--gif-fps", "10"),
];

/// Builds with the profile of `make run`, in this benchmark's target folder.
fn build() -> Result<PathBuf> {
    eprintln!("Building gifgen (set GIFGEN_BIN to name one that is built already)");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--profile", "local", "--package", "gifgen"])
        .args(["--bin", "gifgen"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .context("failed to start cargo; set GIFGEN_BIN to a gifgen that is built already")?;
    ensure!(output.status.success(), "failed to build gifgen");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(executable)
        .next_back()
        .context("cargo does not say where gifgen is; set GIFGEN_BIN")
}

/// The path of the program in a line of Cargo's JSON messages.
fn executable(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    message["executable"].as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_tells_where_the_program_is() {
        let line = r#"{"reason":"compiler-artifact","executable":"/target/local/gifgen"}"#;
        assert_eq!(executable(line), Some("/target/local/gifgen".into()));
        let library = r#"{"reason":"compiler-artifact","executable":null}"#;
        assert_eq!(executable(library), None);
    }
}

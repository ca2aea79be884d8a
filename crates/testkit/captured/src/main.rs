//! Acts as an ffmpeg or ffprobe that a hostile video has taken over. It tries what such a program
//! could steal or break, and reports each attempt as a line `name=errno` on standard error, with 0
//! for success.
//!
//! Its environment and arguments come from the program under test, so its targets are at the end of
//! its own file: `SEPARATOR`, then `secret=TEXT`, `port=NUMBER`, `file=PATH`, one per line.

mod attempts;
mod processes;
mod targets;

use std::process::ExitCode;

use targets::Targets;

fn main() -> ExitCode {
    let targets = match Targets::read() {
        Ok(targets) => targets,
        Err(error) => {
            eprintln!("[error] captured: cannot read its targets: {error}");
            return ExitCode::FAILURE;
        }
    };
    let results: Vec<String> = attempts::all(&targets)
        .into_iter()
        .map(|(name, errno)| format!("{name}={errno}"))
        .collect();
    eprintln!("[error] captured: {}", results.join(" "));
    ExitCode::FAILURE
}

//! The program `gifgen`.

use std::process::ExitCode;

use clap::Parser;
use gifgen::{
    command_error::CommandError,
    options::{Command, Options},
    printable::printable,
    redrive, replay, run, status,
};
use gifgen_child::sealed;
use gifgen_shared::error_chain::with_causes;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    // Silent unless asked for: what a person needs to know is in the summary and on stderr.
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(log_filter())
        .init();
    sealed::close();
    let code = execute(Options::parse().command)
        .await
        .unwrap_or_else(|error| {
            eprintln!("gifgen: {}", printable(&with_causes(&error)));
            error.exit_code()
        });
    ExitCode::from(code)
}

async fn execute(command: Command) -> Result<u8, CommandError> {
    Ok(match command {
        Command::Run(options) => run::run(&options).await?,
        Command::Replay(options) => replay::replay(&options).await?,
        Command::Status(options) => status::status(&options).await?,
        Command::Redrive(options) => redrive::redrive(&options).await?,
    })
}

/// What `GIFGEN_LOG` asks for, but nothing below `info` of the S3 server: it would log whole
/// presigned URLs.
fn log_filter() -> EnvFilter {
    let asked = std::env::var("GIFGEN_LOG").unwrap_or_else(|_| "off".into());
    let quiet = if asked == "off" { "off" } else { "info" };
    EnvFilter::new(format!("{asked},s3s={quiet}"))
}

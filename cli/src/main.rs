//! The program `gifgen`: parses arguments, runs the command, prints its error.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use gifgen::{
    CommandError, export_tracks,
    options::{Command, Options},
    output::tell,
    redrive, replay,
    run::run,
    status,
};
use gifgen_child::sealed;
use gifgen_shared::with_causes;
use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

/// How long the end waits for reads of files that were given up.
const GRACE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // Silent by default: the summary and stderr have what people need to know.
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        // It would print them on standard error too, and panic if that is closed.
        .log_internal_errors(false)
        .with_env_filter(log_filter())
        .init();
    sealed::close();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&format!("failed to start the runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(execute(Options::parse().command));
    let code = done.unwrap_or_else(|error| {
        tell(&with_causes(&error));
        error.exit_code()
    });
    runtime.shutdown_timeout(GRACE);
    ExitCode::from(code)
}

async fn execute(command: Command) -> Result<u8, CommandError> {
    Ok(match command {
        Command::Run(options) => run(&options).await?,
        Command::Replay(options) => replay(&options).await?,
        Command::Status(options) => status(&options).await?,
        Command::Redrive(options) => redrive(&options).await?,
        Command::Export(options) => export_tracks(&options).await?,
    })
}

/// The filter in `GIFGEN_LOG`, without `debug` and `trace` of the S3 server, which would log whole
/// presigned URLs.
fn log_filter() -> EnvFilter {
    let asked = std::env::var("GIFGEN_LOG").unwrap_or_else(|_| "off".into());
    let quiet = if asked == "off" { "off" } else { "info" };
    EnvFilter::new(format!("{asked},s3s={quiet}"))
}

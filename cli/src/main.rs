//! The program `gifgen`.

use std::process::ExitCode;

use clap::Parser;
use gifgen::{
    options::{Command, Options},
    replay, run,
};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    // Silent unless asked for: what a person needs to know is in the summary and on stderr.
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::try_from_env("GIFGEN_LOG").unwrap_or_else(|_| "off".into()))
        .init();
    let done = match Options::parse().command {
        Command::Run(options) => run::run(&options)
            .await
            .map_err(|error| (error.exit_code(), error.to_string())),
        Command::Replay(options) => replay::replay(&options)
            .await
            .map_err(|error| (error.exit_code(), error.to_string())),
    };
    ExitCode::from(done.unwrap_or_else(|(code, message)| {
        eprintln!("gifgen: {message}");
        code
    }))
}

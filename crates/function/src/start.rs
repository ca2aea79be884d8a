//! Starts a Lambda function.

use aws_config::BehaviorVersion;
use gifgen_child::sealed;
use gifgen_shared::{Addressing, Connections, Settings, settings::refuse};
use lambda_runtime::{Error, tracing::init_default_subscriber};
use tokio::runtime::Runtime;

/// A started function, with its settings and clients.
#[derive(Debug)]
pub struct Function {
    /// The settings of its environment.
    pub settings: Settings,
    /// Client of S3.
    pub s3: aws_sdk_s3::Client,
    /// Client of the event bus.
    pub bus: aws_sdk_eventbridge::Client,
}

/// Executes this program again without credentials in its environment, reads the settings, and serves.
/// If the platform refuses the first, that is logged. Invalid settings end the process.
///
/// Call it first in `main`: threads that exist before it do not survive it.
///
/// # Errors
/// If the process cannot start threads, and those of `serve`.
pub fn start(serve: impl AsyncFnOnce(Function) -> Result<(), Error>) -> Result<(), Error> {
    let start = sealed::start();
    init_default_subscriber();
    start.log();
    Runtime::new()?.block_on(async {
        let settings = Settings::read(|name| std::env::var_os(name)).unwrap_or_else(|e| refuse(&e));
        let addressing = Addressing::of_environment().unwrap_or_else(|e| refuse(&e));
        let mut config = aws_config::defaults(BehaviorVersion::latest());
        if let Some(credentials) = start.credentials {
            config = config.credentials_provider(credentials);
        }
        let connections = Connections::new(config.load().await, addressing);
        serve(Function {
            settings,
            s3: connections.s3(),
            bus: connections.event_bridge(),
        })
        .await
    })
}

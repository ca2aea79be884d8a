//! The Lambda function `splitter`: wires the library to Lambda's runtime.

use aws_config::BehaviorVersion;
use aws_sdk_s3::config::Credentials;
use gifgen_child::sealed;
use gifgen_shared::{Addressing, Connections, Deadline, Settings, settings::refuse};
use gifgen_splitter::Splitter;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing::init_default_subscriber};
use serde_json::Value;
use tokio::runtime::Runtime;

fn main() -> Result<(), Error> {
    let start = sealed::start();
    init_default_subscriber();
    start.log();
    Runtime::new()?.block_on(serve(start.credentials))
}

async fn serve(credentials: Option<Credentials>) -> Result<(), Error> {
    let settings = Settings::read(|name| std::env::var_os(name)).unwrap_or_else(|e| refuse(&e));
    let addressing = Addressing::of_environment().unwrap_or_else(|e| refuse(&e));
    let mut config = aws_config::defaults(BehaviorVersion::latest());
    if let Some(credentials) = credentials {
        config = config.credentials_provider(credentials);
    }
    let connections = Connections::new(config.load().await, addressing);
    let splitter = &Splitter::new(connections.s3(), connections.event_bridge(), settings)?;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let deadline = Deadline::of_invocation(event.context.deadline);
        splitter.handle(&event.payload, deadline).await
    }))
    .await
}

//! The Lambda function `worker`.

use aws_config::BehaviorVersion;
use aws_sdk_s3::config::Credentials;
use gifgen_child::sealed;
use gifgen_shared::{Addressing, Connections, Deadline, Settings, settings::refuse};
use gifgen_worker::{Invocation, Worker, threads_of_function};
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
    let mut aws = aws_config::defaults(BehaviorVersion::latest());
    if let Some(credentials) = credentials {
        aws = aws.credentials_provider(credentials);
    }
    let connections = Connections::new(aws.load().await, addressing);
    let (s3, bus) = (connections.s3(), connections.event_bridge());
    let memory = lambda_runtime::Config::from_env().memory;
    let threads = threads_of_function(memory);
    let worker = &Worker::start(s3, bus, settings, threads, std::env::temp_dir())?;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let invocation = Invocation {
            id: event.context.request_id,
            memory_megabytes: u32::try_from(memory).ok(),
            deadline: Deadline::of_invocation(event.context.deadline),
        };
        worker.handle(&event.payload, &invocation).await
    }))
    .await
}

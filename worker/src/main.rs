//! The Lambda function `worker`.

use aws_config::BehaviorVersion;
use gifgen_shared::{child::keep_to_ourselves, deadline::Deadline, settings::Settings};
use gifgen_worker::{ffmpeg_args::threads_of_function, invocation::Invocation, worker::Worker};
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing::init_default_subscriber};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    init_default_subscriber();
    keep_to_ourselves();
    let settings = Settings::read(|name| std::env::var_os(name)).unwrap_or_else(|error| {
        // Returned from here it would be printed as Rust has it, not as a sentence.
        eprintln!("{error}");
        std::process::exit(1)
    });
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let (s3, bus) = (
        aws_sdk_s3::Client::new(&aws),
        aws_sdk_eventbridge::Client::new(&aws),
    );
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

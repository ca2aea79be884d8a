//! The Lambda function `splitter`.

use aws_config::BehaviorVersion;
use gifgen_shared::{child::keep_to_ourselves, deadline::Deadline, settings::Settings};
use gifgen_splitter::splitter::Splitter;
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
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let s3 = aws_sdk_s3::Client::new(&config);
    let bus = aws_sdk_eventbridge::Client::new(&config);
    let splitter = &Splitter::new(s3, bus, settings)?;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let deadline = Deadline::of_invocation(event.context.deadline);
        splitter.handle(&event.payload, deadline).await
    }))
    .await
}

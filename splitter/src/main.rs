//! The Lambda function `splitter`.

use aws_config::BehaviorVersion;
use aws_sdk_s3::config::Credentials;
use gifgen_shared::{deadline::Deadline, sealed, settings::Settings};
use gifgen_splitter::splitter::Splitter;
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
    let settings = Settings::read(|name| std::env::var_os(name)).unwrap_or_else(|error| {
        // Returned from here it would be printed as Rust has it, not as a sentence.
        eprintln!("{error}");
        std::process::exit(1)
    });
    let mut config = aws_config::defaults(BehaviorVersion::latest());
    if let Some(credentials) = credentials {
        config = config.credentials_provider(credentials);
    }
    let config = config.load().await;
    let s3 = aws_sdk_s3::Client::new(&config);
    let bus = aws_sdk_eventbridge::Client::new(&config);
    let splitter = &Splitter::new(s3, bus, settings)?;
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let deadline = Deadline::of_invocation(event.context.deadline);
        splitter.handle(&event.payload, deadline).await
    }))
    .await
}

//! The Lambda function `splitter`.

use gifgen_shared::Deadline;
use gifgen_splitter::Splitter;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

fn main() -> Result<(), Error> {
    gifgen_function::start(async |function| {
        let splitter = &Splitter::new(function.s3, function.bus, function.settings)?;
        run(service_fn(|event: LambdaEvent<Value>| async move {
            let deadline = Deadline::of_invocation(event.context.deadline);
            splitter.handle(&event.payload, deadline).await
        }))
        .await
    })
}

//! The Lambda function `worker`.

use gifgen_shared::Deadline;
use gifgen_worker::{Invocation, Worker, threads_of_function};
use lambda_runtime::{Config, Error, LambdaEvent, run, service_fn};
use serde_json::Value;

fn main() -> Result<(), Error> {
    gifgen_function::start(async |function| {
        let memory = Config::from_env().memory;
        let (threads, temporary) = (threads_of_function(memory), std::env::temp_dir());
        let (s3, bus, settings) = (function.s3, function.bus, function.settings);
        let worker = &Worker::start(s3, bus, settings, threads, temporary)?;
        run(service_fn(|event: LambdaEvent<Value>| async move {
            let invocation = Invocation {
                id: event.context.request_id,
                memory_megabytes: u32::try_from(memory).ok(),
                deadline: Deadline::of_invocation(event.context.deadline),
            };
            worker.handle(&event.payload, &invocation).await
        }))
        .await
    })
}

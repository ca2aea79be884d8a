//! One of our binaries, hosted by Lambda's own runtime emulator, without Docker.

use std::{net::TcpListener, path::Path, process::Command};

use serde_json::Value;

use crate::{function::set_environment, http, process::Process, tool};

/// An emulator with a function; both end, with all that they started, when it is dropped.
pub struct Rie {
    process: Process,
    invocations: String,
}

/// Tries to get ports that nobody takes between the choice and the emulator's start.
const ATTEMPTS: u32 = 5;

impl Rie {
    /// Starts an emulator that hosts `binary` in an environment of `variables`, the function's own
    /// (time-out 300 s, 1,769 MB; override `AWS_LAMBDA_FUNCTION_TIMEOUT` and
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`), and `PATH`.
    pub async fn start<N: AsRef<str>, V: AsRef<str>>(
        binary: impl AsRef<Path>,
        variables: &[(N, V)],
    ) -> Self {
        let program = tool("aws-lambda-rie");
        for attempt in 1.. {
            let [invocations, runtime] = free_addresses();
            let mut command = Command::new(&program);
            command
                .args(["--runtime-interface-emulator-address", &invocations])
                .args(["--runtime-api-address", &runtime])
                .arg(binary.as_ref());
            set_environment(&mut command, variables);
            let process = Process::spawn(&mut command);
            // It says so right before it listens.
            let started = process
                .says(|log| log.contains("exec '").then_some(()))
                .await;
            match started {
                Ok(()) => {
                    return Self {
                        process,
                        invocations: format!(
                            "http://{invocations}/2015-03-31/functions/function/invocations"
                        ),
                    };
                }
                Err(log) => assert!(attempt < ATTEMPTS, "the emulator ended at start: {log}"),
            }
        }
        unreachable!("the last attempt panics");
    }

    /// Hands `event` to the function, and gives its answer; an error of the function's is an
    /// answer with an `errorType`. Calls are serialised.
    ///
    /// # Panics
    /// If the answer is no JSON, as when the emulator itself ended the function.
    pub async fn invoke(&mut self, event: &Value) -> Value {
        let answer = self.answer(event.to_string()).await;
        serde_json::from_str(&answer)
            .unwrap_or_else(|_| panic!("the emulator answers {answer:?}; log:\n{}", self.log()))
    }

    /// What emulator and function have written so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    async fn answer(&mut self, body: String) -> String {
        loop {
            match http::post(&self.invocations, &[], body.clone()).await {
                Ok(answer) => return answer,
                // It is about to listen; the log line comes a moment before.
                Err(error) if error.is_connect() && self.process.ended().is_none() => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("the emulator is gone ({error}); log:\n{}", self.log()),
            }
        }
    }
}

/// Two addresses that are free right now.
fn free_addresses() -> [String; 2] {
    // Both are held before either is released, so that they differ.
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().to_string())
}

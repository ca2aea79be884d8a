//! An execution environment: one process of the function, which serves one invocation at a time.

use std::{future::pending, path::Path, process::Command, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{sync::oneshot, time::sleep};

use super::runtime_api::{Invocation, RuntimeApi};
use crate::{function::set_environment, process::Process};

/// The process and its runtime API; killed when dropped.
pub(super) struct Environment {
    api: RuntimeApi,
    process: Arc<Process>,
}

/// The result of an invocation.
pub(super) enum Outcome {
    /// The function answered.
    Answer(Value),
    /// The function answered with an error.
    Error(Value),
    /// The process died without an answer; the value is Lambda's error message.
    Dead(Value),
}

impl Environment {
    /// Starts a process of `binary`.
    pub(super) async fn start(binary: &Path, variables: &[(String, String)]) -> Self {
        let api = RuntimeApi::start().await;
        let mut command = Command::new(binary);
        set_environment(&mut command, variables);
        command.env("AWS_LAMBDA_RUNTIME_API", api.authority());
        Self {
            api,
            process: Arc::new(Process::spawn(&mut command)),
        }
    }

    pub(super) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Serves one invocation. Its time starts when the process takes it. At the timeout, or when
    /// `kill` returns, the process is killed.
    pub(super) async fn invoke(
        &self,
        request_id: &str,
        event: &Value,
        timeout: Duration,
        kill: impl Future<Output = ()>,
    ) -> Outcome {
        self.process.thaw();
        let (taken, is_taken) = oneshot::channel();
        let (answer, is_answered) = oneshot::channel();
        self.api.hand_over(Invocation {
            request_id: request_id.into(),
            payload: event.to_string(),
            timeout,
            taken,
            answer,
        });
        let ends = async {
            if is_taken.await.is_ok() {
                tokio::select! {
                    () = kill => exit_error(request_id, "signal: killed"),
                    () = sleep(timeout) => timed_out(request_id, timeout),
                }
            } else {
                pending().await
            }
        };
        tokio::select! {
            biased;
            error = ends => {
                self.process.kill();
                Outcome::Dead(error)
            }
            Ok(result) = is_answered => result.map_or_else(Outcome::Error, Outcome::Answer),
            () = self.process.end() => Outcome::Dead(exit_error(request_id, "it ended")),
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.process.kill();
    }
}

fn exit_error(request_id: &str, how: &str) -> Value {
    let message = format!("RequestId: {request_id} Error: Runtime exited with error: {how}");
    json!({"errorType": "Runtime.ExitError", "errorMessage": message})
}

fn timed_out(request_id: &str, timeout: Duration) -> Value {
    let seconds = timeout.as_secs_f64();
    let message =
        format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
    json!({"errorType": "Sandbox.Timedout", "errorMessage": message})
}

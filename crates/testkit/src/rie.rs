//! Hosts one of our binaries in Lambda's own runtime emulator, without Docker.

use std::{
    ffi::OsStr,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    descendants::descendants,
    function::{TESTED, set_environment},
    http,
    memory_bound::MemoryBound,
    process::Process,
    sandbox::Machine,
    tool, workspace_root,
};

/// An emulator with a function. Dropping it ends both and their descendants.
pub struct Rie {
    process: Process,
    invocations: String,
    runtime_port: u16,
}

/// Attempts to get ports that no other process takes before the emulator does.
const ATTEMPTS: u32 = 5;

/// A folder with release binaries `splitter` and `worker`, to be tested instead of the test
/// profile's.
const FUNCTIONS: &str = "GIFGEN_FUNCTIONS";

/// Memory that the limit reserves for the emulator, in bytes.
const EMULATOR_BYTES: u64 = 64 * 1024 * 1024;

impl Rie {
    /// Starts an emulator that hosts `binary` under Lambda's rules on the default [`Machine`]. See
    /// [`start_on`](Self::start_on).
    pub async fn start<N: AsRef<str>, V: AsRef<str>>(
        binary: impl AsRef<Path>,
        variables: &[(N, V)],
    ) -> Self {
        Self::start_on(&Machine::default(), binary, variables).await
    }

    /// Starts an emulator that hosts `binary` under Lambda's rules on `machine`. The environment is
    /// `variables`, Lambda's own (timeout 300 s, 1,769 MB; override `AWS_LAMBDA_FUNCTION_TIMEOUT`
    /// and `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`), and `PATH`. Memory is limited, and temporary files
    /// go to `/tmp`: see [`temporary`](Self::temporary).
    pub async fn start_on<N: AsRef<str>, V: AsRef<str>>(
        machine: &Machine,
        binary: impl AsRef<Path>,
        variables: &[(N, V)],
    ) -> Self {
        let binary = chosen(binary.as_ref());
        let mut machine = machine.clone();
        let mut tested = Vec::new();
        // The function's user may have no access to the tested FFmpeg's folder.
        let is_given = |name: &str| variables.iter().any(|(given, _)| given.as_ref() == name);
        for name in TESTED.into_iter().filter(|name| !is_given(name)) {
            if let Some(program) = std::env::var_os(name).map(PathBuf::from) {
                tested.push((name, Machine::path_of(&program)));
                machine.programs.push(program);
            }
        }
        let bound = memory_of(variables) + EMULATOR_BYTES + size_in_memory(&binary);
        Self::host(|program, arguments| {
            let mut command = machine.command(program, arguments, &binary);
            set_environment(&mut command, variables);
            command.envs(tested.iter().map(|(name, path)| (name, path)));
            command.env("TMPDIR", "/tmp");
            Process::spawn_within(&mut command, Some(MemoryBound::new(bound)))
        })
        .await
    }

    /// Starts an emulator that hosts `command` without Lambda's rules, with this machine's files,
    /// users and system calls.
    pub async fn start_in_the_open<N: AsRef<str>, V: AsRef<str>>(
        command: &[&OsStr],
        variables: &[(N, V)],
    ) -> Self {
        Self::host(|program, arguments| {
            let mut hosting = Command::new(program);
            hosting.args(arguments).args(command);
            set_environment(&mut hosting, variables);
            Process::spawn(&mut hosting)
        })
        .await
    }

    /// Starts an emulator by `spawn`, which gets its path and its own arguments.
    async fn host(spawn: impl Fn(&Path, &[&str]) -> Process) -> Self {
        let program = tool("aws-lambda-rie").canonicalize().unwrap();
        for attempt in 1.. {
            let [invocations, runtime] = free_addresses();
            let process = spawn(
                &program,
                &[
                    "--runtime-interface-emulator-address",
                    &invocations,
                    "--runtime-api-address",
                    &runtime,
                ],
            );
            // It logs this right before it listens.
            let started = process
                .says(|log| log.contains("exec '").then_some(()))
                .await;
            match started {
                Ok(()) => {
                    let (_, port) = runtime.rsplit_once(':').unwrap();
                    return Self {
                        process,
                        invocations: format!(
                            "http://{invocations}/2015-03-31/functions/function/invocations"
                        ),
                        runtime_port: port.parse().unwrap(),
                    };
                }
                Err(log) => assert!(attempt < ATTEMPTS, "the emulator ended at start: {log}"),
            }
        }
        unreachable!("the last attempt panics");
    }

    /// The function's `/tmp`, as a path on this machine.
    pub fn temporary(&self) -> PathBuf {
        format!("/proc/{}/root/tmp", self.process.id()).into()
    }

    /// Port of the runtime API, which only the function should use.
    pub fn runtime_port(&self) -> u16 {
        self.runtime_port
    }

    /// All descendants of the emulator.
    pub fn processes(&self) -> Vec<u32> {
        let started = descendants(self.process.id()).into_iter();
        started
            .map(|pid| pid.as_raw_nonzero().get() as u32)
            .collect()
    }

    /// Invokes the function with `event`, and returns its answer. A function's error is an answer
    /// with an `errorType`. Calls are serialized.
    ///
    /// # Panics
    /// If the answer is not JSON, as when the emulator itself ended the function.
    pub async fn invoke(&mut self, event: &Value) -> Value {
        let answer = self.answer(event.to_string()).await;
        serde_json::from_str(&answer)
            .unwrap_or_else(|_| panic!("the emulator answers {answer:?}; log:\n{}", self.log()))
    }

    /// Invokes the function with `event` while `meanwhile` runs. Returns the answer, or the
    /// emulator's error text if there is none.
    pub async fn invoke_while(
        &mut self,
        event: &Value,
        meanwhile: impl AsyncFnOnce(&Self),
    ) -> String {
        let (answer, ()) = tokio::join!(self.answer(event.to_string()), meanwhile(self));
        answer
    }

    /// Output of the emulator and the function so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    async fn answer(&self, body: String) -> String {
        loop {
            match http::post(&self.invocations, &[], body.clone()).await {
                Ok(answer) => return answer,
                // The emulator logs its address a moment before it listens.
                Err(error) if error.is_connect() && !self.process.is_over() => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("the emulator is gone ({error}); log:\n{}", self.log()),
            }
        }
    }
}

/// `binary`, or the release binary of the same name if one is to be tested.
fn chosen(binary: &Path) -> PathBuf {
    let Some(folder) = std::env::var_os(FUNCTIONS) else {
        return binary.to_owned();
    };
    let chosen = workspace_root()
        .join(folder)
        .join(binary.file_name().unwrap());
    assert!(
        chosen.is_file(),
        "{} is missing: run `make build`, or unset {FUNCTIONS}",
        chosen.display()
    );
    chosen
}

/// The function's memory as it is told, in bytes.
fn memory_of<N: AsRef<str>, V: AsRef<str>>(variables: &[(N, V)]) -> u64 {
    let told = variables
        .iter()
        .rfind(|(name, _)| name.as_ref() == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
    told.map_or(1769, |(_, megabytes)| megabytes.as_ref().parse().unwrap()) * 1024 * 1024
}

/// Bytes that a binary of the test profile takes in memory beyond a release binary.
fn size_in_memory(binary: &Path) -> u64 {
    let bytes = |path: &Path| path.metadata().unwrap().len();
    bytes(binary).saturating_sub(RELEASE_BYTES)
}

/// Approximate size of a release binary, in bytes.
const RELEASE_BYTES: u64 = 12 * 1024 * 1024;

/// Two addresses that are currently free.
fn free_addresses() -> [String; 2] {
    // Both are bound before either is released, so that they differ.
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().to_string())
}

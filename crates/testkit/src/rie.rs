//! One of our binaries, hosted by Lambda's own runtime emulator, without Docker.

use std::{
    ffi::OsStr,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    function::{TESTED, set_environment},
    http,
    memory_bound::MemoryBound,
    process::{Process, descendants},
    sandbox::Machine,
    tool, workspace_root,
};

/// An emulator with a function; both end, with all that they started, when it is dropped.
pub struct Rie {
    process: Process,
    invocations: String,
    runtime_port: u16,
}

/// Tries to get ports that nobody takes between the choice and the emulator's start.
const ATTEMPTS: u32 = 5;

/// Names a folder with release binaries, `splitter` and `worker`, to be tested instead of the test
/// profile's.
const FUNCTIONS: &str = "GIFGEN_FUNCTIONS";

/// Memory that the bound leaves to the emulator itself, in bytes.
const EMULATOR_BYTES: u64 = 64 * 1024 * 1024;

impl Rie {
    /// Starts an emulator that hosts `binary` under Lambda's rules, on a machine like the default
    /// [`Machine`]: see [`start_on`](Self::start_on).
    pub async fn start<N: AsRef<str>, V: AsRef<str>>(
        binary: impl AsRef<Path>,
        variables: &[(N, V)],
    ) -> Self {
        Self::start_on(&Machine::default(), binary, variables).await
    }

    /// Starts an emulator that hosts `binary` under Lambda's rules on `machine`, in an environment of
    /// `variables`, the function's own (time-out 300 s, 1,769 MB; override
    /// `AWS_LAMBDA_FUNCTION_TIMEOUT` and `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`), and `PATH`. Its memory
    /// is bounded, and its folder for temporary files is `/tmp`: see [`temporary`](Self::temporary).
    pub async fn start_on<N: AsRef<str>, V: AsRef<str>>(
        machine: &Machine,
        binary: impl AsRef<Path>,
        variables: &[(N, V)],
    ) -> Self {
        let binary = chosen(binary.as_ref());
        let mut machine = machine.clone();
        let mut tested = Vec::new();
        // The FFmpeg that is tested may lie where the function's user does not come.
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

    /// Starts an emulator that hosts `command` in the open, as a program of any Linux: with this
    /// machine's files, users and system calls.
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
            // It says so right before it listens.
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

    /// The function's `/tmp`, seen from here.
    pub fn temporary(&self) -> PathBuf {
        format!("/proc/{}/root/tmp", self.process.id()).into()
    }

    /// The port of the runtime API, which only the function should use.
    pub fn runtime_port(&self) -> u16 {
        self.runtime_port
    }

    /// All processes that the emulator has started, and theirs.
    pub fn processes(&self) -> Vec<u32> {
        let started = descendants(self.process.id()).into_iter();
        started
            .map(|pid| pid.as_raw_nonzero().get() as u32)
            .collect()
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

    /// Hands `event` to the function, does something to it meanwhile, and gives its answer, or what the
    /// emulator says where there is none.
    pub async fn invoke_while(
        &mut self,
        event: &Value,
        meanwhile: impl AsyncFnOnce(&Self),
    ) -> String {
        let (answer, ()) = tokio::join!(self.answer(event.to_string()), meanwhile(self));
        answer
    }

    /// What emulator and function have written so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    async fn answer(&self, body: String) -> String {
        loop {
            match http::post(&self.invocations, &[], body.clone()).await {
                Ok(answer) => return answer,
                // It is about to listen; the log line comes a moment before.
                Err(error) if error.is_connect() && !self.process.is_over() => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("the emulator is gone ({error}); log:\n{}", self.log()),
            }
        }
    }
}

/// `binary`, or the one of its name among the release binaries that are to be tested.
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

/// The memory that the function is told to have, in bytes.
fn memory_of<N: AsRef<str>, V: AsRef<str>>(variables: &[(N, V)]) -> u64 {
    let told = variables
        .iter()
        .rfind(|(name, _)| name.as_ref() == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
    told.map_or(1769, |(_, megabytes)| megabytes.as_ref().parse().unwrap()) * 1024 * 1024
}

/// Bytes by which a binary of the test profile is larger in memory than a release binary.
fn size_in_memory(binary: &Path) -> u64 {
    let bytes = |path: &Path| path.metadata().unwrap().len();
    bytes(binary).saturating_sub(RELEASE_BYTES)
}

/// About the size of a release binary.
const RELEASE_BYTES: u64 = 12 * 1024 * 1024;

/// Two addresses that are free right now.
fn free_addresses() -> [String; 2] {
    // Both are held before either is released, so that they differ.
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().to_string())
}

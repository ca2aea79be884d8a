//! Runs the launcher `gifgen-sandbox`, which runs a function under Lambda's rules.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::workspace_root;

/// The machine of a function.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Size of `/tmp` in MiB.
    pub tmp_megabytes: u32,
    /// Further system calls to refuse. `gifgen-sandbox refused` lists the possible ones.
    pub refuse: Vec<&'static str>,
    /// Whether the function runs as the tests' own user, which may be root.
    pub keep_user: bool,
    /// Programs that the function finds in `/mnt`, where its user can read them.
    pub programs: Vec<PathBuf>,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            tmp_megabytes: 512,
            refuse: Vec::new(),
            keep_user: false,
            programs: Vec::new(),
        }
    }
}

/// Name of the function's binary in `/mnt`.
const FUNCTION: &str = "bootstrap";

/// Name of the emulator in `/mnt`.
const EMULATOR: &str = "aws-lambda-rie";

impl Machine {
    /// The function's path of one of [`programs`](Self::programs).
    pub fn path_of(program: &Path) -> PathBuf {
        Path::new("/mnt").join(program.file_name().unwrap())
    }

    /// The command that hosts `binary` with `emulator` and its `arguments`.
    pub(crate) fn command(&self, emulator: &Path, arguments: &[&str], binary: &Path) -> Command {
        let launcher = launcher();
        let mut command = Command::new(launcher);
        let megabytes = self.tmp_megabytes.to_string();
        command.args(["host", "--tmp-megabytes", &megabytes]);
        let bind = |path: &Path, name: &str| format!("{}:{name}", path.display());
        command.args(["--bind", &bind(binary, FUNCTION)]);
        for program in &self.programs {
            let name = program.file_name().unwrap().to_str().unwrap();
            command.args(["--bind", &bind(program, name)]);
        }
        // The path of a checkout may be covered by the machine's own mounts.
        command.args(["--bind", &bind(emulator, EMULATOR)]);
        // The emulator runs the launcher, so the function's user needs access to it too.
        command.args(["--bind", &bind(launcher, "gifgen-sandbox"), "--"]);
        command
            .arg(Path::new("/mnt").join(EMULATOR))
            .args(arguments);
        command.args(["/mnt/gifgen-sandbox", "function"]);
        if self.keep_user {
            command.arg("--keep-user");
        }
        for call in &self.refuse {
            command.args(["--refuse", call]);
        }
        command.args(["--", "/mnt/bootstrap"]);
        command
    }
}

fn launcher() -> &'static Path {
    static LAUNCHER: OnceLock<PathBuf> = OnceLock::new();
    LAUNCHER.get_or_init(|| built("gifgen-sandbox"))
}

/// Builds the program of a workspace package and returns its path: cargo does not build other
/// crates' programs for a test.
pub(crate) fn built(package: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", package])
        .args(["--message-format", "json"])
        .current_dir(workspace_root())
        .output()
        .unwrap_or_else(|error| panic!("failed to start cargo: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{package} is not built: {said}");
    let messages = String::from_utf8(output.stdout).unwrap();
    let mut programs = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    });
    programs.next_back().expect("cargo names the program")
}

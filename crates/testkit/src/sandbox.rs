//! The launcher that runs a function under Lambda's rules: the crate `gifgen-sandbox`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::workspace_root;

/// What the machine of a function is like.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Size of `/tmp` in MiB.
    pub tmp_megabytes: u32,
    /// System calls that are refused beside those that always are; `gifgen-sandbox refused` names
    /// the possible ones.
    pub refuse: Vec<&'static str>,
    /// Whether the function runs as the user that the tests run as, which may be root.
    pub keep_user: bool,
    /// Programs that the function finds in `/mnt`, by a path that its user can reach.
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

/// Name of the emulator there.
const EMULATOR: &str = "aws-lambda-rie";

impl Machine {
    /// Where a program of [`programs`](Self::programs) lies for the function.
    pub fn path_of(program: &Path) -> PathBuf {
        Path::new("/mnt").join(program.file_name().unwrap())
    }

    /// The command that hosts `binary` there with `emulator`, whose own arguments are `arguments`.
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
        // A checkout may lie where the machine has mounts of its own.
        command.args(["--bind", &bind(emulator, EMULATOR)]);
        // The emulator runs the launcher, which the user of an unprivileged machine must reach too.
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

/// The path of the launcher.
fn launcher() -> &'static Path {
    static LAUNCHER: OnceLock<PathBuf> = OnceLock::new();
    LAUNCHER.get_or_init(|| built("gifgen-sandbox"))
}

/// Builds the program of a package of this workspace, and gives its path: a test of one crate does
/// not build the programs of others.
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

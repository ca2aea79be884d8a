//! Replaces ffmpeg or ffprobe by the crate `gifgen-captured`, which acts as if a hostile video had
//! taken it over, and tries to steal or break things.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::process::getuid;
use tempfile::TempDir;

use crate::{
    program,
    rie::Rie,
    sandbox::{Machine, built},
    test_env::TestEnv,
};

/// Where the function runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Under Lambda's rules.
    Lambda,
    /// Under Lambda's rules, without `memfd_create`.
    LambdaWithoutMemfd,
    /// Under Lambda's rules, as root.
    LambdaAsRoot,
    /// On this machine, as an unprivileged user.
    Open,
}

/// A function with a captured program.
pub struct Captured {
    /// The emulator that hosts the function.
    pub rie: Rie,
    _folder: TempDir,
}

/// The attempts on the function's own process.
pub const CLOSED: [&str; 7] = ["environ", "mem", "maps", "fd", "exe", "ptrace", "vmread"];

/// Precedes the targets at the end of the program's file.
const SEPARATOR: &str = "\ncaptured targets:\n";

/// An unprivileged user that every Linux has.
const NOBODY: &str = "65534";

impl Captured {
    /// Starts `binary` on `env`. The captured program replaces the one that the setting `program`
    /// (such as "FFMPEG") names.
    pub async fn start(env: &TestEnv, place: Place, binary: &str, program: &str) -> Self {
        let folder = open_folder();
        let stand_in = folder.path().join("captured");
        program::copy(&built("gifgen-captured"), &stand_in);
        let canary = folder.path().join("canary");
        fs::write(&canary, "secret").unwrap();
        let machine = Machine {
            keep_user: place == Place::LambdaAsRoot,
            refuse: match place {
                Place::LambdaWithoutMemfd => vec!["memfd_create"],
                _ => Vec::new(),
            },
            programs: vec![stand_in.clone(), canary.clone()],
            ..Machine::default()
        };
        let in_place = |path: &Path| match place {
            Place::Open => path.to_owned(),
            _ => Machine::path_of(path),
        };
        let mut environment = env.environment();
        let setting = in_place(&stand_in).into_os_string().into_string().unwrap();
        environment.push((program.into(), setting));
        let rie = match place {
            Place::Open => {
                let temporary = folder.path().join("tmp");
                fs::create_dir(&temporary).unwrap();
                fs::set_permissions(&temporary, Permissions::from_mode(0o1777)).unwrap();
                environment.push(("TMPDIR".into(), temporary.to_str().unwrap().into()));
                let command = unprivileged(binary, folder.path());
                let command: Vec<_> = command.iter().map(OsString::as_os_str).collect();
                Rie::start_in_the_open(&command, &environment).await
            }
            _ => Rie::start_on(&machine, binary, &environment).await,
        };
        // The emulator's port is known now.
        let targets = format!(
            "{SEPARATOR}secret={}\nport={}\nfile={}\n",
            env.stack().credentials().secret_access_key,
            rie.runtime_port(),
            in_place(&canary).display()
        );
        let mut content = fs::read(&stand_in).unwrap();
        content.extend(targets.as_bytes());
        // In place, because the file may be bind-mounted under another name.
        program::write(&stand_in, content);
        Self {
            rie,
            _folder: folder,
        }
    }
}

/// Parses a captured program's report: the name of each attempt with its error number, 0 for
/// success.
pub fn report(text: &str) -> BTreeMap<String, i32> {
    let (_, attempts) = text
        .split_once("captured: ")
        .unwrap_or_else(|| panic!("no report in {text}"));
    attempts
        .split(' ')
        .map_while(|attempt| {
            let (name, errno) = attempt.split_once('=')?;
            let digits = errno.trim_end_matches(|c: char| !c.is_ascii_digit());
            Some((name.to_owned(), digits.parse().ok()?))
        })
        .collect()
}

/// The command that runs a copy of `binary` in `folder` as an unprivileged user.
fn unprivileged(binary: &str, folder: &Path) -> Vec<OsString> {
    let copy: PathBuf = folder.join("bootstrap");
    program::copy(binary.as_ref(), &copy);
    let mut command: Vec<OsString> = Vec::new();
    if getuid().is_root() {
        let id = |name| format!("--{name}={NOBODY}");
        command.push("setpriv".into());
        command.extend([id("reuid"), id("regid")].map(OsString::from));
        command.push("--clear-groups".into());
    }
    command.push(copy.into());
    command
}

/// A directory that every user can read.
fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

//! A stand-in for an ffmpeg or ffprobe that a hostile video has taken over: the crate
//! `gifgen-captured`, which tries what such a program could steal or break.

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
    bed::TestBed,
    program,
    rie::Rie,
    sandbox::{Machine, built},
};

/// Where the function runs that the program is to be taken over in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Under Lambda's rules.
    Lambda,
    /// Under Lambda's rules, and without `memfd_create`.
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

/// What comes before the targets at the end of the program's file.
const SEPARATOR: &str = "\ncaptured targets:\n";

/// A user without privileges whom every Linux has.
const NOBODY: &str = "65534";

impl Captured {
    /// Starts `binary` on `bed`, with the stand-in in the place of the program that the setting
    /// `program` names ("FFMPEG").
    pub async fn start(bed: &TestBed, place: Place, binary: &str, program: &str) -> Self {
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
        let mut environment = bed.environment();
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
        // The emulator has chosen its port by now.
        let targets = format!(
            "{SEPARATOR}secret={}\nport={}\nfile={}\n",
            bed.stack().credentials().secret_access_key,
            rie.runtime_port(),
            in_place(&canary).display()
        );
        let mut content = fs::read(&stand_in).unwrap();
        content.extend(targets.as_bytes());
        // In place: the file may be bound to another name.
        program::write(&stand_in, content);
        Self {
            rie,
            _folder: folder,
        }
    }
}

/// What a captured program reports in `text`: each attempt with the number of its error, or 0.
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

/// The command that runs a copy of `binary` in `folder` as a user without privileges.
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

/// A folder that every user can read.
fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

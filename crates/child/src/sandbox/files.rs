//! Which files and TCP ports a sandboxed program reaches, as a Landlock ruleset.

use std::{
    env::split_paths,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, Scope, make_bitflags, path_beneath_rules,
};

use super::{Network, SandboxSpec};

/// What this is written against (Linux 6.12). Of older kernels it takes what they have.
const WRITTEN_AGAINST: ABI = ABI::V6;

/// Where systems keep programs and their libraries; Nix, Guix and Homebrew have their own places.
/// `/opt` is where Lambda's layers are.
const PROGRAMS: [&str; 11] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/home/linuxbrew/.linuxbrew",
];

/// What the loader and the libraries look at as they start. Nothing of `/proc` that is a
/// process's: the environment of its parent holds the credentials of the function.
const READABLE: [&str; 11] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/meminfo",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system",
    "/dev/random",
    "/dev/urandom",
];

const DEVICES: [&str; 2] = ["/dev/null", "/dev/zero"];

/// What may be done in the work directory. Nothing is run from it, and no devices, sockets or
/// links are made there.
const WORK: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir
});

/// The ruleset for `sandboxed`. On a kernel without Landlock it is one that restricts nothing.
pub(super) fn ruleset(sandboxed: &SandboxSpec<'_>) -> Result<RulesetCreated, RulesetError> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let run = read | AccessFs::Execute;
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(WRITTEN_AGAINST))?
        .scope(Scope::from_all(WRITTEN_AGAINST))?
        .handle_access(AccessNet::from_all(WRITTEN_AGAINST))?
        .create()?
        // The sandbox has asked for that already, and may not be allowed to ask.
        .no_new_privs(false)
        .add_rules(path_beneath_rules(PROGRAMS, run))?
        .add_rules(path_beneath_rules(parts_of(sandboxed), run))?
        .add_rules(path_beneath_rules(READABLE, read))?
        .add_rules(path_beneath_rules(DEVICES, read | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(sandboxed.directory, WORK))?;
    if let Network::Loopback { port } = sandboxed.network {
        ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    Ok(ruleset)
}

/// Where the program is and what it is loaded with, beside the system's libraries.
///
/// Of its own directory only the program itself: people keep theirs in odd places. Libraries that
/// come with a program lie in `lib` beside its `bin`.
fn parts_of(sandboxed: &SandboxSpec<'_>) -> Vec<PathBuf> {
    let mut parts = vec![sandboxed.path.to_owned()];
    if let Some(prefix) = prefix(sandboxed.path) {
        parts.extend(["lib", "lib64"].map(|name| prefix.join(name)));
    }
    // An empty one is the working directory, which is nobody's place for libraries.
    let libraries = sandboxed.libraries.map(split_paths).into_iter().flatten();
    parts.extend(libraries.filter(|path| path.is_absolute() && path.parent().is_some()));
    parts
}

/// `/home/me/ffmpeg` for a program that is, through all links, `/home/me/ffmpeg/bin/ffmpeg`.
fn prefix(program: &Path) -> Option<PathBuf> {
    let directory = program.canonicalize().ok()?.parent()?.to_owned();
    let is_bin = directory.file_name().is_some_and(|name| name == "bin");
    is_bin.then(|| directory.parent().map(Path::to_owned))?
}

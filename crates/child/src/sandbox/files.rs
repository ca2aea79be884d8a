//! A Landlock ruleset: which files and TCP ports a sandboxed program may use.

use std::{
    env::split_paths,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, Scope, make_bitflags, path_beneath_rules,
};

use super::{Network, SandboxSpec};

/// The Landlock version of Linux 6.12. Older kernels apply the subset that they have.
const WRITTEN_AGAINST: ABI = ABI::V6;

/// Directories of programs and libraries, also those of Nix, Guix and Homebrew. Lambda's layers are
/// in `/opt`.
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

/// Files that the loader and libraries read at start. No process's directory in `/proc` is among
/// them: the environment of the parent holds the function's credentials.
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

/// Rights in the work directory. Executing is not among them, nor making devices, sockets or links.
const WORK: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir
});

/// Without Landlock in the kernel, the ruleset restricts nothing.
pub(super) fn ruleset(spec: &SandboxSpec<'_>) -> Result<RulesetCreated, RulesetError> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let run = read | AccessFs::Execute;
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(WRITTEN_AGAINST))?
        .scope(Scope::from_all(WRITTEN_AGAINST))?
        .handle_access(AccessNet::from_all(WRITTEN_AGAINST))?
        .create()?
        // The sandbox sets it already, and this call could be refused.
        .no_new_privs(false)
        .add_rules(path_beneath_rules(PROGRAMS, run))?
        .add_rules(path_beneath_rules(parts_of(spec), run))?
        .add_rules(path_beneath_rules(READABLE, read))?
        .add_rules(path_beneath_rules(DEVICES, read | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(spec.directory, WORK))?;
    if let Network::Loopback { port } = spec.network {
        ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    Ok(ruleset)
}

/// The program and its own libraries, besides the system's.
///
/// Of its directory only the program itself, because that directory may hold private files.
/// Libraries that come with a program are in `lib`, next to its `bin`.
fn parts_of(spec: &SandboxSpec<'_>) -> Vec<PathBuf> {
    let mut parts = vec![spec.path.to_owned()];
    if let Some(prefix) = prefix(spec.path) {
        parts.extend(["lib", "lib64"].map(|name| prefix.join(name)));
    }
    // An empty entry means the working directory, which must not provide libraries.
    let libraries = spec.libraries.map(split_paths).into_iter().flatten();
    parts.extend(libraries.filter(|path| path.is_absolute() && path.parent().is_some()));
    parts
}

/// `/home/me/ffmpeg`, if `program` resolves to `/home/me/ffmpeg/bin/ffmpeg`.
fn prefix(program: &Path) -> Option<PathBuf> {
    let directory = program.canonicalize().ok()?.parent()?.to_owned();
    let is_bin = directory.file_name().is_some_and(|name| name == "bin");
    is_bin.then(|| directory.parent().map(Path::to_owned))?
}

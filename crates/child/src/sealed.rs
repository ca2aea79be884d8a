//! Starts a function so that the programs it runs cannot steal its credentials.
//!
//! A captured FFmpeg runs as the same user. Without Landlock and seccomp it may read its parent's
//! `/proc/PID/environ` and `/proc/PID/mem`. So the function executes itself again, before any
//! thread exists:
//!
//! - from a sealed `memfd` of mode 0111. A program that its own user may execute but not read is
//!   not dumpable (`would_dump` in the kernel's `fs/exec.c`): in its `/proc/PID`, the kernel gives
//!   `environ`, `mem`, `maps`, `fd` and `exe` to root. That needs no `prctl`, which Lambda refuses;
//! - without credentials in its environment. A pipe on standard input passes them on.
//!
//! Root can read every file, so the `memfd` does not protect against root. No step is fatal: if the
//! platform refuses one, the function starts without it, and [`Start::log`] says so.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{
            ffi::{OsStrExt, OsStringExt},
            process::CommandExt,
        },
    },
    process::Command,
};

use aws_sdk_s3::config::Credentials;
use rustix::{
    fs::{MemfdFlags, Mode, SealFlags, fchmod, fcntl_add_seals, memfd_create},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{DumpableBehavior, set_dumpable_behavior},
    stdio::dup2_stdin,
};

/// Variables that Lambda sets and only the SDK needs.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const CREDENTIALS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
];

/// Set after the second `exec`: the credentials are on standard input.
const REEXECUTED: &str = "GIFGEN_CREDENTIALS_ON_STDIN";

/// The running program, even if its path was replaced.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// The result of [`start`].
pub struct Start {
    /// Credentials for the SDK, if the environment had any.
    pub credentials: Option<Credentials>,
    refused: Option<io::Error>,
}

/// Executes this program again, sealed and without credentials in its environment. Returns the
/// second time, or if that is refused.
///
/// Call it first in `main`: other threads do not survive it, and copies of the environment in
/// memory would.
pub fn start() -> Start {
    if env::var_os(REEXECUTED).is_some() {
        let mut packed = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut packed);
        return Start::with(&unpack(&packed), read.err());
    }
    let variables: Vec<_> = CREDENTIALS
        .into_iter()
        .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)))
        .collect();
    let refused = reexecute(&variables);
    Start::with(&variables, Some(refused))
}

impl Start {
    fn with(variables: &[(OsString, OsString)], refused: Option<io::Error>) -> Self {
        let text = |name: &str| {
            let (_, value) = variables.iter().find(|(n, _)| n == name)?;
            value.to_str().filter(|value| !value.is_empty())
        };
        let key = text(CREDENTIALS[0]).zip(text(CREDENTIALS[1]));
        let token = text(CREDENTIALS[2]).or(text(CREDENTIALS[3]));
        let credentials = key.map(|(id, secret)| {
            Credentials::new(id, secret, token.map(str::to_owned), None, "environment")
        });
        Self {
            credentials,
            refused,
        }
    }

    /// Logs what the platform refused, and whether other programs can still read this process.
    pub fn log(&self) {
        if let Some(error) = &self.refused {
            tracing::warn!(%error, "the function could not hide its credentials from FFmpeg");
        }
        if !is_closed() {
            close();
        }
        if !is_closed() {
            tracing::warn!(
                "programs of this user, FFmpeg among them, can read the function's memory"
            );
        }
    }
}

/// Keeps programs of the same user out of this process, as far as `prctl` can. Nothing stronger
/// works for a program with arguments and a terminal. It does not keep root out.
/// <https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html>
pub fn close() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the platform refuses to hide the process from programs that it runs");
    }
}

/// Whether programs of this user are kept out of this process. If so, it cannot open its own files
/// in `/proc` by name.
fn is_closed() -> bool {
    let opened = File::open("/proc/self/environ");
    opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Returns only if the second `exec` is refused.
fn reexecute(credentials: &[(OsString, OsString)]) -> io::Error {
    if let Ok(sealed) = sealed_copy() {
        let path = format!("/proc/self/fd/{}", sealed.as_raw_fd());
        execute(path.as_ref(), credentials);
    }
    // Without a `memfd`, the environment is at least empty. The link leads to the file that runs,
    // even if a child has replaced the one at its path.
    execute(THIS_PROGRAM.as_ref(), credentials)
}

/// A copy of this program in memory that can be executed, but not read or changed.
fn sealed_copy() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know the flag; later ones can be configured to require it.
    let memory = match memfd_create("gifgen", flags | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => memfd_create("gifgen", flags),
        created => created,
    }?;
    let mut memory = File::from(memory);
    io::copy(&mut File::open(THIS_PROGRAM)?, &mut memory)?;
    fchmod(&memory, Mode::XUSR | Mode::XGRP | Mode::XOTH)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&memory, seals)?;
    Ok(memory.into())
}

/// Executes `path`, a link to this program. Its standard input gives the `credentials`, which its
/// environment lacks. If that is refused, it returns, with an empty standard input.
fn execute(path: &OsStr, credentials: &[(OsString, OsString)]) -> io::Error {
    let packed = pack(credentials);
    let pipe = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(io::Error::from);
    let filled = pipe.and_then(|(reader, writer)| {
        // Nobody reads yet, so data that exceeds the pipe must fail instead of block.
        File::from(writer).write_all(&packed)?;
        Ok(reader)
    });
    let reader = match filled {
        Ok(reader) => reader,
        Err(error) => return error,
    };
    let mut arguments = env::args_os();
    let mut command = Command::new(path);
    command.arg0(arguments.next().unwrap_or_default());
    command.args(arguments).env(REEXECUTED, "1").stdin(reader);
    for name in CREDENTIALS {
        command.env_remove(name);
    }
    let refused = command.exec();
    restore_stdin_and_sigpipe().err().unwrap_or(refused)
}

/// Undoes what was prepared for the `exec` that failed: SIGPIPE's default action, which would end
/// this process, and credentials on standard input, which children may inherit.
fn restore_stdin_and_sigpipe() -> io::Result<()> {
    // SAFETY: no handler is installed, and no other thread exists.
    #[expect(unsafe_code, reason = "neither std nor rustix sets what a signal does")]
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
    dup2_stdin(File::open("/dev/null")?)?;
    Ok(())
}

/// `NAME=VALUE` and a zero byte, as in the environment's memory; neither part can contain one.
fn pack(variables: &[(OsString, OsString)]) -> Vec<u8> {
    let pack = |(name, value): &(OsString, OsString)| {
        [name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat()
    };
    variables.iter().flat_map(pack).collect()
}

fn unpack(bytes: &[u8]) -> Vec<(OsString, OsString)> {
    let unpack = |variable: &[u8]| {
        let equals = variable.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&variable[..equals], &variable[equals + 1..]);
        Some((
            OsString::from_vec(name.to_vec()),
            OsString::from_vec(value.to_vec()),
        ))
    };
    bytes.split(|byte| *byte == 0).filter_map(unpack).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_back_as_they_were_handed_over() {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SESSION_TOKEN", "a=b==\n"),
        ]
        .map(|(name, value)| (name.into(), value.into()));
        assert_eq!(unpack(&pack(&variables)), variables);
    }

    #[test]
    fn a_refused_execution_leaves_broken_pipes_harmless_and_no_credentials_on_standard_input() {
        let credentials = [("AWS_ACCESS_KEY_ID".into(), "AKIA".into())];
        let refused = execute("/gifgen/is/not/here".as_ref(), &credentials);
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        let mut packed = Vec::new();
        io::stdin().read_to_end(&mut packed).unwrap();
        assert!(packed.is_empty());
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap();
        assert_ne!(ignored & 1 << (libc::SIGPIPE - 1), 0);
    }

    #[test]
    fn a_key_without_its_secret_is_no_credential() {
        let variables = [("AWS_ACCESS_KEY_ID".into(), "AKIA".into())];
        assert!(Start::with(&variables, None).credentials.is_none());
    }
}

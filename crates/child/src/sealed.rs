//! Starts a function so that the programs that it runs cannot steal its credentials.
//!
//! A captured FFmpeg runs as the same user. Where the kernel has neither Landlock nor seccomp for
//! it, it may read `/proc/PID/environ` and `/proc/PID/mem` of its parent. So, before any thread
//! exists, the function executes itself again:
//!
//! - from a sealed `memfd` of mode 0111. A program that its own user may execute but not read is not
//!   dumpable (`would_dump` in the kernel's `fs/exec.c`): the kernel gives `environ`, `mem`, `maps`,
//!   `fd` and `exe` below its `/proc/PID` to root. That takes no `prctl`, which Lambda refuses;
//! - without credentials in its environment. A pipe on standard input carries them over.
//!
//! Root can read every file, so for root the `memfd` protects nothing. Nothing here is fatal: where
//! the platform refuses a step, the function starts without it, and [`Start::log`] says so.

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

/// What Lambda puts into the environment, and nobody but the SDK needs.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const CREDENTIALS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
];

/// Set for the program that was executed again: credentials wait on standard input.
const AGAIN: &str = "GIFGEN_CREDENTIALS_ON_STDIN";

/// The running program, whatever its path leads to by now.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// How the function was started.
pub struct Start {
    /// Credentials for the SDK, if the environment had any.
    pub credentials: Option<Credentials>,
    refused: Option<io::Error>,
}

/// Executes this program again, sealed and without credentials in its environment. The second time,
/// or where that is refused, it returns.
///
/// Call it first in `main`: a thread that exists already does not survive, and memory that was
/// copied from the environment would.
pub fn start() -> Start {
    if env::var_os(AGAIN).is_some() {
        let mut handed = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut handed);
        return Start::with(&unpack(&handed), read.err());
    }
    let variables: Vec<_> = CREDENTIALS
        .into_iter()
        .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)))
        .collect();
    let refused = execute_again(&variables);
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

    /// Logs what the platform refused, and whether this process can still be read.
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

/// Keeps programs of this user out of this process as far as `prctl` goes, which is all that there is
/// for a program with arguments and a terminal of its own. Root is not kept out by it.
/// <https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html>
pub fn close() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the platform refuses to hide the process from programs that it runs");
    }
}

/// Whether programs of this user are kept out of this process, as they are where the process itself
/// cannot open its files in `/proc` by name.
fn is_closed() -> bool {
    let opened = File::open("/proc/self/environ");
    opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Executes this program again, and returns only if that is refused.
fn execute_again(credentials: &[(OsString, OsString)]) -> io::Error {
    if let Ok(sealed) = sealed_copy() {
        let path = format!("/proc/self/fd/{}", sealed.as_raw_fd());
        execute(path.as_ref(), credentials);
    }
    // Without a `memfd` at least the environment is empty. The link leads to the very file that runs,
    // whatever a child has put at its path.
    execute(THIS_PROGRAM.as_ref(), credentials)
}

/// A copy of this program in memory, which can be executed, but neither read nor changed.
fn sealed_copy() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know the flag; later ones may be set up to want it.
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

/// Executes `path`, a link to this program, with `credentials` on its standard input instead of in
/// its environment. Returns only if that is refused, with an empty standard input.
fn execute(path: &OsStr, credentials: &[(OsString, OsString)]) -> io::Error {
    let handed = pack(credentials);
    let pipe = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(io::Error::from);
    let filled = pipe.and_then(|(reader, writer)| {
        // Nobody reads yet, so what does not fit into the pipe is an error, not a wait.
        File::from(writer).write_all(&handed)?;
        Ok(reader)
    });
    let reader = match filled {
        Ok(reader) => reader,
        Err(error) => return error,
    };
    let mut arguments = env::args_os();
    let mut command = Command::new(path);
    command.arg0(arguments.next().unwrap_or_default());
    command.args(arguments).env(AGAIN, "1").stdin(reader);
    for name in CREDENTIALS {
        command.env_remove(name);
    }
    let refused = command.exec();
    go_on_as_before().err().unwrap_or(refused)
}

/// Takes back what `exec` has prepared for a program that is not there: it ends when a pipe of its own
/// breaks, and credentials lie on its standard input, which children may inherit.
fn go_on_as_before() -> io::Result<()> {
    // SAFETY: no handler is installed, and no other thread exists.
    #[expect(unsafe_code, reason = "neither std nor rustix sets what a signal does")]
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
    dup2_stdin(File::open("/dev/null")?)?;
    Ok(())
}

/// As in the environment's own memory: `NAME=VALUE` and a zero byte, which neither can hold.
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
        let mut handed = Vec::new();
        io::stdin().read_to_end(&mut handed).unwrap();
        assert!(handed.is_empty());
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

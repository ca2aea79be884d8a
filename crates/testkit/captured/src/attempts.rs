//! Attempts to steal or break things. Each gives a name and an error number.

use std::{
    fs::{self, File},
    io::{self, Write},
    net::{Ipv4Addr, TcpStream, UdpSocket},
    os::unix::process::parent_id,
};

use crate::{
    processes::{environment_tells, others, read_memory, tell},
    targets::Targets,
};

/// Makes all attempts. Three of the results are not error numbers: `seen`, whether other processes
/// are visible; `told`, whether the parent's environment contains the secret; and `secret`, whether
/// any process's environment or memory does.
pub fn all(targets: &Targets) -> Vec<(&'static str, i32)> {
    let parent = parent_id();
    let of_parent = |name: &str| format!("/proc/{parent}/{name}");
    let open = |name| errno(File::open(of_parent(name)));
    vec![
        ("environ", open("environ")),
        ("mem", errno(read_memory(parent))),
        ("maps", open("maps")),
        ("fd", errno(fs::read_dir(of_parent("fd")))),
        ("exe", open("exe")),
        ("ptrace", errno(seize(parent))),
        ("vmread", errno(read_by_call(parent))),
        ("signal", errno(signal(parent))),
        ("seen", i32::from(!others().is_empty())),
        (
            "told",
            i32::from(environment_tells(parent, &targets.secret)),
        ),
        ("secret", i32::from(tell(&targets.secret))),
        ("runtime", errno(fetch(targets.port))),
        ("socket", errno(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))),
        ("read", errno(File::open(&targets.file))),
        (
            "write",
            errno(fs::write(targets.file.with_extension("x"), "x")),
        ),
    ]
}

fn errno<T>(result: io::Result<T>) -> i32 {
    // Some errors have no number; -1 stands for them.
    result.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0)
}

/// Asks the server on `port` for the next invocation, as a client of the runtime API.
fn fetch(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.write_all(b"GET /captured HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

fn answer(returned: libc::c_long) -> io::Result<()> {
    if returned < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn pid_of(process: u32) -> libc::pid_t {
    libc::pid_t::try_from(process).unwrap_or_default()
}

/// Attaches without stopping the process. Detaches when this program ends.
fn seize(process: u32) -> io::Result<()> {
    // SAFETY: the only pointer passed is null.
    #[expect(unsafe_code, reason = "there is no safe way to try this")]
    answer(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid_of(process), 0, 0) })
}

/// Reads from an address that may or may not be mapped. Either answer shows that reading is
/// allowed.
fn read_by_call(process: u32) -> io::Result<()> {
    let mut byte = [0_u8];
    let local = libc::iovec {
        iov_base: byte.as_mut_ptr().cast(),
        iov_len: 1,
    };
    let remote = libc::iovec {
        iov_base: 0x1000 as *mut _,
        iov_len: 1,
    };
    // SAFETY: the byte outlives the call; the remote address is of another process.
    #[expect(unsafe_code, reason = "there is no safe way to try this")]
    let read = unsafe { libc::process_vm_readv(pid_of(process), &local, 1, &remote, 1, 0) };
    match answer(read as libc::c_long) {
        Err(error) if error.raw_os_error() == Some(libc::EFAULT) => Ok(()),
        other => other,
    }
}

/// Checks whether the process could be signalled.
fn signal(process: u32) -> io::Result<()> {
    // SAFETY: signal 0 is not sent.
    #[expect(unsafe_code, reason = "there is no safe way to try this")]
    answer(unsafe { libc::kill(pid_of(process), 0) }.into())
}

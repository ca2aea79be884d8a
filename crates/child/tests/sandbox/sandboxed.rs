//! A sandboxed program that makes the given attempts: this test binary, run as a child.

use std::{
    fs,
    io::{self, Write},
    net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    time::Duration,
};

use gifgen_child::{Ending, Finished, Keep, Network, Program, run};
use gifgen_shared::Deadline;

/// Lists the attempts, one per line.
const ATTEMPTS: &str = "GIFGEN_TEST_ATTEMPTS";

/// Marks results among the test harness's own output.
const MARK: &str = "attempt: ";

/// Makes `attempts` in a sandboxed program. Returns the error number of each; 0 is success.
pub async fn attempt(network: Network, directory: Option<&Path>, attempts: &[&str]) -> Vec<i32> {
    let finished = finish(network, directory, attempts).await;
    let said = String::from_utf8(finished.stdout).unwrap();
    assert_eq!(
        finished.ending,
        Ending::Exited(0),
        "{said}{}",
        finished.stderr
    );
    let results: Vec<i32> = said
        .lines()
        .filter_map(|line| line.split_once(MARK)?.1.parse().ok())
        .collect();
    assert_eq!(results.len(), attempts.len(), "{said}");
    results
}

/// Runs the program to its end, however it ends.
pub async fn finish(
    network: Network,
    directory: Option<&Path>,
    attempts: &[&str],
) -> Finished<Vec<u8>> {
    let program = Program {
        path: &std::env::current_exe().unwrap(),
        args: ["--exact", "sandboxed::make_attempts", "--nocapture"]
            .map(Into::into)
            .to_vec(),
        directory,
        network,
        variables: &[(ATTEMPTS, &attempts.join("\n"))],
        stdin: None,
        memory: None,
        deadline: Deadline::after(Duration::from_secs(60)),
    };
    run(program, Keep::First(100_000)).await.unwrap()
}

/// The program. Without attempts, this test does nothing.
#[test]
fn make_attempts() {
    for attempt in std::env::var(ATTEMPTS).unwrap_or_default().lines() {
        let (what, argument) = attempt.split_once(' ').unwrap_or((attempt, ""));
        let error = match make(what, argument) {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().unwrap_or(-1),
        };
        println!("\n{MARK}{error}");
    }
}

fn make(what: &str, argument: &str) -> io::Result<()> {
    match what {
        "connect" => TcpStream::connect(argument).map(drop),
        "fetch" => TcpStream::connect(argument)?.write_all(b"x"),
        "listen" => TcpListener::bind("127.0.0.1:0").map(drop),
        "udp" => UdpSocket::bind("127.0.0.1:0").map(drop),
        "ipv6" => TcpStream::connect((Ipv6Addr::LOCALHOST, 9)).map(drop),
        "unix" => UnixStream::connect(argument).map(drop),
        "unix-listen" => UnixListener::bind(argument).map(drop),
        "pair" => UnixStream::pair().map(drop),
        "read" => fs::read(argument).map(drop),
        "list" => fs::read_dir(argument).map(drop),
        "write" => fs::write(argument, "mine"),
        "remove" => fs::remove_file(argument),
        "link" => std::os::unix::fs::symlink("/", argument),
        "run" => std::process::Command::new(argument).status().map(drop),
        "fill" => fill(argument),
        "map" => map(argument.parse().unwrap()),
        "open-many" => open_many(argument),
        "fast-open" => fast_open(argument.parse().unwrap()),
        "thread" => std::thread::Builder::new().spawn(|| ()).map(drop),
        call => system_call(call, argument.parse().unwrap_or(0)),
    }
}

fn fill(path: &str) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    let block = vec![0; 1024 * 1024];
    for _ in 0..1024 {
        file.write_all(&block)?;
    }
    Ok(())
}

fn map(bytes: usize) -> io::Result<()> {
    let mut memory: Vec<u8> = Vec::new();
    memory
        .try_reserve_exact(bytes)
        .map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))
}

fn open_many(path: &str) -> io::Result<()> {
    let files: Vec<_> = (0..1000)
        .map(|_| fs::File::open(path))
        .collect::<Result<_, _>>()?;
    drop(files);
    Ok(())
}

fn result(returned: libc::c_long) -> io::Result<()> {
    if returned < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Connects by sending.
fn fast_open(port: u16) -> io::Result<()> {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes([127, 0, 0, 1]),
        },
        sin_zero: [0; 8],
    };
    // SAFETY: the address outlives the call, and the length is its own.
    #[expect(unsafe_code, reason = "there is no safe way to try this")]
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
        result(libc::c_long::from(socket))?;
        let sent = libc::sendto(
            socket,
            b"x".as_ptr().cast(),
            1,
            libc::MSG_FASTOPEN,
            (&raw const address).cast(),
            size_of_val(&address) as libc::socklen_t,
        );
        result(sent as libc::c_long)
    }
}

/// Makes a system call with arguments that are harmless if it succeeds.
fn system_call(call: &str, pid: libc::pid_t) -> io::Result<()> {
    // SAFETY: the only pointer passed is null.
    #[expect(unsafe_code, reason = "there is no safe way to try this")]
    let returned = unsafe {
        match call {
            "io_uring" => libc::syscall(libc::SYS_io_uring_setup, 1, 0),
            "clone3" => libc::syscall(libc::SYS_clone3, 0, 0),
            "user-namespace" => libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER),
            "clone-namespace" => {
                let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
                let child = libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0);
                if child == 0 {
                    libc::_exit(0);
                }
                child
            }
            "group" => libc::syscall(libc::SYS_setpgid, 0, 0),
            "mptcp" => libc::syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 262),
            // Unlike `PTRACE_ATTACH`, it does not stop the process.
            "ptrace" => libc::syscall(libc::SYS_ptrace, libc::PTRACE_SEIZE, pid, 0, 0),
            "signal" => libc::syscall(libc::SYS_kill, pid, 0),
            "limit" => libc::syscall(libc::SYS_prlimit64, pid, libc::RLIMIT_CORE, 0, 0),
            "type" => libc::syscall(libc::SYS_ioctl, 0, libc::TIOCSTI, 0),
            #[cfg(target_arch = "x86_64")]
            "x32" => libc::syscall(0x4000_0000 | libc::SYS_getpid),
            _ => panic!("no such attempt: {call}"),
        }
    };
    result(returned)
}

//! Tests of the sandbox from the inside.

mod sandboxed;

use std::{
    fs,
    io::Read,
    net::TcpListener,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process,
};

use gifgen_child::{Ending, FILE_BYTES, Network};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope,
};

use self::sandboxed::{attempt, finish};

/// Whether the kernel has the feature. If not, prints that the test is skipped.
fn kernel_has(
    what: &str,
    ruleset: impl FnOnce(Ruleset) -> Result<Ruleset, landlock::RulesetError>,
) -> bool {
    let required = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let found = ruleset(required).and_then(Ruleset::create);
    if let Err(error) = &found {
        eprintln!("SKIPPED: this kernel's Landlock cannot restrict {what}: {error}");
    }
    found.is_ok()
}

fn kernel_guards_files() -> bool {
    kernel_has("files", |ruleset| {
        ruleset.handle_access(AccessFs::from_all(ABI::V1))
    })
}

fn kernel_guards_ports() -> bool {
    kernel_has("TCP ports", |ruleset| {
        ruleset.handle_access(AccessNet::ConnectTcp)
    })
}

fn kernel_guards_signals() -> bool {
    kernel_has("signals", |ruleset| ruleset.scope(Scope::Signal))
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn in_folder(folder: &Path, what: &str, name: &str) -> String {
    format!("{what} {}", folder.join(name).display())
}

#[tokio::test]
async fn without_a_network_no_socket_can_be_made() {
    let (_listener, port) = listen();
    let connect = format!("connect 127.0.0.1:{port}");
    let attempts = [
        &connect, "listen", "udp", "ipv6", "unix /x", "pair", "mptcp",
    ];
    let errors = attempt(Network::None, None, &attempts).await;
    assert_eq!(errors, [libc::EPERM; 7]);
}

#[tokio::test]
async fn with_loopback_the_one_port_is_reached() {
    let (listener, port) = listen();
    let fetch = format!("fetch 127.0.0.1:{port}");
    let errors = attempt(Network::Loopback { port }, None, &[&fetch]).await;
    assert_eq!(errors, [0]);
    let mut read = [0; 1];
    listener.accept().unwrap().0.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"x");
}

#[tokio::test]
async fn with_loopback_no_other_kind_of_socket_can_be_made() {
    let (_listener, port) = listen();
    let fast_open = format!("fast-open {port}");
    let attempts = [
        "listen", "udp", "ipv6", "unix /x", "pair", "mptcp", &fast_open,
    ];
    let errors = attempt(Network::Loopback { port }, None, &attempts).await;
    assert_eq!(errors, [libc::EPERM; 7]);
}

#[tokio::test]
async fn with_loopback_no_other_port_is_reached() {
    if !kernel_guards_ports() {
        return;
    }
    let (_listener, port) = listen();
    let (canary, other) = listen();
    let connect = format!("connect 127.0.0.1:{other}");
    let errors = attempt(Network::Loopback { port }, None, &[&connect]).await;
    assert_eq!(errors, [libc::EACCES]);
    canary.set_nonblocking(true).unwrap();
    assert!(canary.accept().is_err());
}

#[tokio::test]
async fn nothing_outside_the_work_directory_is_read_or_written() {
    if !kernel_guards_files() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    let canary = folder.path().join("canary");
    fs::write(&canary, "secret").unwrap();
    let outside = |what| in_folder(folder.path(), what, "canary");
    let escape = in_folder(&work, "read", "../canary");
    let new = in_folder(folder.path(), "write", "new");
    let list = format!("list {}", folder.path().display());
    let environment = format!("read /proc/{}/environ", process::id());
    let attempts = [
        &outside("read"),
        &outside("write"),
        &outside("remove"),
        &escape,
        &new,
        &list,
        &environment,
        "read /etc/passwd",
        "write /dev/shm/gifgen-canary",
    ];
    for directory in [Some(work.as_path()), None] {
        let errors = attempt(Network::None, directory, &attempts).await;
        assert_eq!(errors, [libc::EACCES; 9], "{directory:?}");
    }
    assert_eq!(fs::read(&canary).unwrap(), b"secret");
}

#[tokio::test]
async fn the_work_directory_is_written_but_nothing_is_run_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let here = |what, name| in_folder(folder.path(), what, name);
    let program = folder.path().join("true");
    fs::copy("/bin/true", &program).unwrap();
    let attempts = [
        &here("write", "a"),
        &here("read", "a"),
        &here("remove", "a"),
        "run /bin/true",
        "read /dev/urandom-is-not-here",
        "write /dev/null",
        "thread",
    ];
    let errors = attempt(Network::None, Some(folder.path()), &attempts).await;
    assert_eq!(errors, [0, 0, 0, 0, libc::ENOENT, 0, 0]);
    if kernel_guards_files() {
        let attempts = [
            &here("run", "true"),
            &here("link", "root"),
            &here("unix-listen", "socket"),
        ];
        let errors = attempt(
            Network::None,
            Some(folder.path()),
            &attempts.map(String::as_str),
        )
        .await;
        // The socket is refused before Landlock sees its address.
        assert_eq!(errors, [libc::EACCES, libc::EACCES, libc::EPERM]);
    }
}

#[tokio::test]
async fn a_file_that_grows_too_large_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let fill = in_folder(folder.path(), "fill", "large");
    let finished = finish(Network::None, Some(folder.path()), &[&fill]).await;
    let signal = rustix::process::Signal::XFSZ.as_raw();
    assert_eq!(finished.ending, Ending::Killed { signal });
    let length = fs::metadata(folder.path().join("large")).unwrap().len();
    assert_eq!(length, FILE_BYTES);
}

#[tokio::test]
async fn address_space_and_open_files_are_bounded() {
    let attempts = ["map 1000000000", "map 1000000000000", "open-many /dev/null"];
    let errors = attempt(Network::None, None, &attempts).await;
    assert_eq!(errors, [0, libc::ENOMEM, libc::EMFILE]);
}

#[tokio::test]
async fn what_leads_around_the_sandbox_is_denied() {
    let parent = |what| format!("{what} {}", process::id());
    let attempts = [
        "io_uring",
        "user-namespace",
        "clone-namespace",
        "group",
        "type",
        &parent("ptrace"),
        &parent("limit"),
        #[cfg(target_arch = "x86_64")]
        "x32",
    ];
    for network in [Network::None, Network::Loopback { port: 9 }] {
        let errors = attempt(network, None, &attempts).await;
        assert_eq!(errors, vec![libc::EPERM; attempts.len()], "{network:?}");
    }
    // As if the call did not exist, so that C libraries fall back on one that can be filtered.
    assert_eq!(
        attempt(Network::None, None, &["clone3"]).await,
        [libc::ENOSYS]
    );
}

#[tokio::test]
async fn its_caller_gets_no_signals_from_it() {
    if !kernel_guards_signals() {
        return;
    }
    let signal = format!("signal {}", process::id());
    assert_eq!(
        attempt(Network::None, None, &[&signal]).await,
        [libc::EPERM]
    );
}

#[tokio::test]
async fn a_socket_in_the_file_system_is_not_reached() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let unix = format!("unix {}", path.display());
    let port = 9;
    let errors = attempt(Network::Loopback { port }, Some(folder.path()), &[&unix]).await;
    assert_eq!(errors, [libc::EPERM]);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err());
}

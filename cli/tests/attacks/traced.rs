//! Checks with strace what FFmpeg and ffprobe open.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    process::Command,
};

use gifgen_testkit::media;

/// Sockets of one FFmpeg or ffprobe, its threads and children included.
#[derive(Debug, Default)]
struct Sockets {
    made: Vec<String>,
    reached: BTreeSet<String>,
}

/// Joins calls that strace printed in two halves: `7 f(1 <unfinished ...>` and `7 <... f resumed>, 2) =
/// 0`.
fn whole_calls(trace: &str) -> Vec<(u32, String)> {
    let mut begun: HashMap<u32, &str> = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (process, call) = line.split_once(' ').unwrap();
        let (process, call) = (process.parse().unwrap(), call.trim_start());
        if let Some(beginning) = call.strip_suffix("<unfinished ...>") {
            begun.insert(process, beginning);
        } else if let Some((_, end)) = call.split_once(" resumed>") {
            let beginning = begun.remove(&process).unwrap_or_default();
            calls.push((process, format!("{beginning}{end}")));
        } else {
            calls.push((process, call.to_owned()));
        }
    }
    calls
}

/// The sockets of each process that ran the program `name`, by process id.
fn sockets_of(calls: &[(u32, String)], name: &str) -> BTreeMap<u32, Sockets> {
    let mut found: BTreeMap<u32, Sockets> = BTreeMap::new();
    let mut leaders: HashMap<u32, u32> = HashMap::new();
    for (process, call) in calls {
        let returned = call.rsplit_once(" = ").map_or("", |(_, value)| value);
        let path = call
            .strip_prefix("execve(\"")
            .and_then(|rest| rest.split('"').next());
        if path.is_some_and(|path| path.ends_with(name)) && returned == "0" {
            leaders.insert(*process, *process);
            found.insert(*process, Sockets::default());
        }
        let Some(leader) = leaders.get(process).copied() else {
            continue;
        };
        let sockets = found.get_mut(&leader).unwrap();
        if call.starts_with("clone") {
            returned
                .parse()
                .map(|child| leaders.insert(child, leader))
                .ok();
        } else if call.starts_with("connect(") {
            sockets.reached.insert(call.clone());
        } else if call.starts_with("socket") && !returned.starts_with('-') {
            sockets.made.push(call.clone());
        }
    }
    found
}

/// Extracts `127.0.0.1:PORT` from `connect(3, {sa_family=AF_INET, sin_port=htons(PORT), …`.
fn address(connect: &str) -> Option<String> {
    let (_, rest) = connect.split_once("sin_port=htons(")?;
    let (port, rest) = rest.split_once(')')?;
    let (_, rest) = rest.split_once("inet_addr(\"")?;
    Some(format!("{}:{port}", rest.split('"').next()?))
}

#[test]
fn ffmpeg_and_ffprobe_have_no_socket_but_one_to_where_the_source_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let calls = "trace=execve,clone,clone3,fork,vfork,network,io_uring_setup";
    let status = Command::new("strace")
        .args(["-f", "-qq", "-e", calls, "-e", "signal=none", "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_gifgen"))
        .args(["run", "--json", "--overview", "none", "-o"])
        .arg(folder.path().join("out"))
        .args([
            media::video("d02"),
            media::video("d15"),
            media::video("d10"),
            media::video("d17"),
        ])
        .status()
        .unwrap_or_else(|error| panic!("strace does not run ({error}): run `make setup`"));
    assert!(status.success());
    let calls = whole_calls(&fs::read_to_string(trace).unwrap());
    for name in ["/ffmpeg", "/ffprobe"] {
        let found = sockets_of(&calls, name);
        assert!(found.len() >= 4, "{name}: {found:?}");
        if name == "/ffmpeg" {
            // All videos but the AVI have an index and are read through a pipe.
            let with_sockets = found.values().filter(|sockets| !sockets.made.is_empty());
            assert_eq!(with_sockets.count(), 1, "{found:?}");
        }
        for sockets in found.values() {
            let addresses: BTreeSet<_> = sockets.reached.iter().map(|call| address(call)).collect();
            assert!(addresses.len() <= 1, "{name}: {sockets:?}");
            for address in addresses {
                assert!(
                    address.unwrap().starts_with("127.0.0.1:"),
                    "{name}: {sockets:?}"
                );
            }
            for made in &sockets.made {
                let is_tcp = made.starts_with("socket(AF_INET, SOCK_STREAM");
                assert!(is_tcp, "{name}: {sockets:?}");
            }
        }
    }
}

#[test]
fn sockets_of_threads_and_of_interrupted_calls_are_seen() {
    let trace = "7 execve(\"/opt/bin/ffmpeg\", [\"ffmpeg\"], 0x7ffe /* 0 vars */) = 0\n\
                 7 clone(child_stack=0x7f, flags=CLONE_VM <unfinished ...>\n\
                 9 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3\n\
                 7 <... clone resumed>) = 8\n\
                 8 socket(AF_INET6, SOCK_DGRAM, 0) = -1 EPERM (Operation not permitted)\n\
                 8 socket(AF_UNIX, SOCK_STREAM, 0) = 5\n\
                 8 connect(5, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"10.0.0.1\")}, 16) = 0\n";
    let found = sockets_of(&whole_calls(trace), "/ffmpeg");
    assert_eq!(found[&7].made, ["socket(AF_UNIX, SOCK_STREAM, 0) = 5"]);
    let reached = found[&7].reached.first().unwrap();
    assert_eq!(address(reached).unwrap(), "10.0.0.1:80");
}

#[test]
fn a_system_that_refuses_to_sandbox_gets_its_previews_and_one_line_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let refused = [
        "-e",
        "trace=landlock_create_ruleset,seccomp",
        "-e",
        "inject=landlock_create_ruleset:error=ENOSYS",
        "-e",
        "inject=seccomp:error=EINVAL",
    ];
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null"])
        .args(refused)
        .arg(env!("CARGO_BIN_EXE_gifgen"))
        .args(["run", "--json", "--overview", "none", "-o"])
        .arg(folder.path().join("out"))
        .args([media::video("d02"), media::video("d10")])
        .env("GIFGEN_LOG", "warn")
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("refuses a part"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("\"weak\":\"Landlock, seccomp\""), "{log}");
}

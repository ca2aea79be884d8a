//! Runs that are interrupted, killed, failed or out of disk space. None leaves an FFmpeg process or a
//! temporary file behind.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{gifgen, names};
use gifgen_testkit::{media, program};
use rustix::process::{Pid, Signal, geteuid, kill_process};

const PATIENCE: Duration = Duration::from_secs(120);

/// A video that takes long enough for an interruption.
fn long_video() -> PathBuf {
    media::folder().join("perf_bbb_1080p24_56s.mp4")
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Running children of a process that execute the program `name`.
fn children(parent: u32, name: &str) -> Vec<u32> {
    let stat_of = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let numbers = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid| {
            let stat = stat_of(*pid);
            let Some((head, tail)) = stat.rsplit_once(") ") else {
                return false;
            };
            let mut fields = tail.split(' ');
            let (state, ppid) = (fields.next(), fields.next());
            head.ends_with(&format!("({name}"))
                && state != Some("Z")
                && ppid == Some(&parent.to_string())
        })
        .collect()
}

fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn start(video: &Path, out: &Path) -> Child {
    gifgen()
        .args(["run", "--json", "-o"])
        .args([out, video])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until both workers of a run have started FFmpeg.
fn rendering(run: &Child) -> Vec<u32> {
    wait_for("FFmpeg to start", || {
        Some(children(run.id(), "ffmpeg")).filter(|pids| !pids.is_empty())
    })
}

fn assert_nothing_left(out: &Path, ffmpegs: &[u32]) {
    let leftovers: Vec<_> = names(out)
        .into_iter()
        .filter(|n| n.starts_with(".gifgen-work-"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
    for pid in ffmpegs {
        wait_for("FFmpeg to die", || (!is_alive(*pid)).then_some(()));
    }
}

#[test]
fn ctrl_c_stops_a_run_cleanly_and_what_is_left_is_of_one_run() {
    let out = tempfile::tempdir().unwrap();
    let manifest = out.path().join("perf_bbb_1080p24_56s.mp4/manifest.json");
    fs::create_dir(manifest.parent().unwrap()).unwrap();
    fs::write(&manifest, "{}").unwrap();
    let run = start(&long_video(), out.path());
    let ffmpegs = rendering(&run);
    send(run.id(), Signal::INT);
    let output = run.wait_with_output().unwrap();
    let code = output.status.code();
    assert!(matches!(code, Some(1 | 3)), "{code:?}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["interrupted"], true);
    // The earlier run's files stay, because this run has no results yet.
    let left = names(manifest.parent().unwrap());
    assert_eq!(manifest.exists(), left == ["manifest.json"], "{left:?}");
    assert_nothing_left(out.path(), &ffmpegs);
}

#[test]
fn a_second_ctrl_c_stops_a_run_at_once() {
    let out = tempfile::tempdir().unwrap();
    let mut run = start(&long_video(), out.path());
    let ffmpegs = rendering(&run);
    send(run.id(), Signal::INT);
    send(run.id(), Signal::INT);
    let code = run.wait().unwrap().code();
    assert!(matches!(code, Some(1 | 130)), "{code:?}");
    assert_nothing_left(out.path(), &ffmpegs);
}

#[test]
fn a_killed_run_takes_its_ffmpegs_along_and_the_next_one_sweeps_up() {
    let out = tempfile::tempdir().unwrap();
    let mut run = start(&long_video(), out.path());
    let ffmpegs = rendering(&run);
    run.kill().unwrap();
    run.wait().unwrap();
    for pid in &ffmpegs {
        wait_for("FFmpeg to die", || (!is_alive(*pid)).then_some(()));
    }
    let left = names(out.path());
    assert!(
        left.iter().any(|name| name.starts_with(".gifgen-work-")),
        "{left:?}"
    );
    let mut next = start(&media::video("d05_hevc_8bit_bframes.mp4"), out.path());
    assert_eq!(next.wait().unwrap().code(), Some(0));
    assert_nothing_left(out.path(), &[]);
}

#[test]
fn an_ffmpeg_that_is_killed_is_run_again() {
    let out = tempfile::tempdir().unwrap();
    let run = start(&long_video(), out.path());
    let ffmpegs = rendering(&run);
    send(ffmpegs[0], Signal::KILL);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_nothing_left(out.path(), &ffmpegs);
    let gifs = names(&out.path().join("perf_bbb_1080p24_56s.mp4/gifs"));
    assert_eq!(gifs, ["000000.gif", "000030.gif"]);
}

#[test]
fn a_run_whose_ffmpeg_always_fails_fails_and_leaves_nothing() {
    let out = tempfile::tempdir().unwrap();
    let output = gifgen()
        .args(["run", "--ffmpeg", "/bin/false", "-o"])
        .args([out.path(), &media::video("d34_h264_40s.mp4")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("d34_h264_40s.mp4: the slice at second 0 failed: "),
        "{said}"
    );
    let left = names(&out.path().join("d34_h264_40s.mp4"));
    assert_eq!(left, ["manifest.json", "receipts", "run.json"]);
    let manifest = fs::read_to_string(out.path().join("d34_h264_40s.mp4/manifest.json")).unwrap();
    assert!(manifest.contains(r#""status":"partial""#), "{manifest}");
    assert!(
        manifest.contains("FFmpeg cannot render the slice"),
        "{manifest}"
    );
}

#[test]
fn a_folder_that_cannot_be_written_to_is_found_out_before_the_work() {
    let out = tempfile::tempdir().unwrap();
    let frames = out.path().join("perf_bbb_1080p24_56s.mp4/frames");
    fs::create_dir_all(&frames).unwrap();
    let mount = "mount -t tmpfs -o ro tmpfs \"$1\" && shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["--mount", "sh", "-c", mount, "sh"])
        .arg(&frames)
        .arg(env!("CARGO_BIN_EXE_gifgen"))
        .args(["run", "-o"])
        .args([out.path(), &long_video()])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("frames, and that cannot be written to"),
        "{stderr}"
    );
    fs::remove_dir(&frames).unwrap();
    fs::write(&frames, "a file").unwrap();
    let output = start(&long_video(), out.path()).wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("frames, and that is a file"), "{stderr}");
}

#[test]
fn ctrl_c_while_an_earlier_run_is_read_leaves_it_alone() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("d34_h264_40s.mp4");
    let film = media::video("d34_h264_40s.mp4");
    let flags = ["--gif-width", "48", "--frame-width", "64"];
    let first = gifgen()
        .args(["run", "-o"])
        .arg(out.path())
        .args(flags)
        .arg(&film)
        .output();
    assert!(first.unwrap().status.success());
    // A still that takes minutes to read.
    let still = folder.join("frames/000003.jpg");
    let bytes = fs::metadata(&still).unwrap().len();
    let receipt = folder.join("receipts/1/000000.json");
    let text = fs::read_to_string(&receipt).unwrap();
    let mut changed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let large = 1_u64 << 40;
    for object in changed["objects"].as_array_mut().unwrap() {
        let key = object["key"].as_str().unwrap();
        if key.ends_with("frames/000003.jpg") {
            assert_eq!(object["bytes"], bytes);
            object["bytes"] = large.into();
        }
    }
    fs::write(&receipt, changed.to_string()).unwrap();
    fs::File::create(&still).unwrap().set_len(large).unwrap();
    let manifest = fs::read(folder.join("manifest.json")).unwrap();
    let run = start(&film, out.path());
    std::thread::sleep(Duration::from_secs(2));
    let stopped = Instant::now();
    send(run.id(), Signal::INT);
    let output = run.wait_with_output().unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(20));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&summary["interrupted"], &summary["files"]),
        (&true.into(), &0.into())
    );
    assert!(fs::read(folder.join("manifest.json")).unwrap() == manifest);
    assert!(folder.join("overview.vtt").exists());
    assert_nothing_left(out.path(), &[]);
}

/// Runs `gifgen run` over the long video, as one slice, in a file system of 8 MB. Returns its error
/// output. Asserts that no file is left.
fn run_on_a_small_disk(flags: &[&OsStr]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=8m tmpfs \"$1\" && cd / && shift && \"$@\"; code=$?; \
                 ls -A \"$OUT\" | grep gifgen-work && exit 99; exit $code";
    let mut command = Command::new("unshare");
    // A user namespace allows a user who is not root to mount.
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["--mount", "sh", "-c", mount, "sh"])
        .arg(folder.path())
        .arg(env!("CARGO_BIN_EXE_gifgen"))
        .args(["run", "--slice-seconds", "60", "-o"])
        .arg(folder.path())
        .args(flags)
        .arg(long_video())
        .env("OUT", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        matches!(output.status.code(), Some(1 | 3)),
        "{:?} {said}",
        output.status
    );
    said
}

#[test]
fn a_full_disk_is_named_as_such_and_leaves_nothing() {
    let said = run_on_a_small_disk(&[]);
    assert!(
        said.contains("no space is left") || said.contains("No space left"),
        "{said}"
    );
    assert!(!said.contains("function"), "{said}");
}

#[test]
fn a_disk_that_the_gif_alone_fills_is_named_as_such() {
    let flags = ["--frames", "none", "--gif-width", "1280"].map(OsStr::new);
    let said = run_on_a_small_disk(&flags);
    assert!(said.contains("no space is left"), "{said}");
    assert!(said.contains("choose another folder with --out"), "{said}");
}

#[test]
fn a_full_disk_is_named_even_if_ffmpeg_dies_of_it() {
    let folder = tempfile::tempdir().unwrap();
    // SIGPIPE ends it when the encoder stops reading.
    let noise = folder.path().join("ffmpeg");
    program::write(&noise, "#!/bin/sh\nexec cat /dev/urandom\n");
    let said = run_on_a_small_disk(&["--ffmpeg".as_ref(), noise.as_ref()]);
    assert!(said.contains("no space is left"), "{said}");
}

#[test]
fn wrong_usage_says_what_to_do() {
    let out = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = gifgen()
            .args(args)
            .current_dir(out.path())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said) = run(&["run"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = run(&["run", "no-such.mp4"]);
    assert_eq!(code, Some(2));
    assert!(
        said.starts_with("gifgen: no-such.mp4: cannot be read: "),
        "{said}"
    );
    fs::write(out.path().join("a.mp4"), "").unwrap();
    let (code, said) = run(&["run", "a.mp4", "./a.mp4"]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("another video of this run has the same file name"),
        "{said}"
    );
    let (code, said) = run(&["run", "-o", ".", "a.mp4"]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("that is a file; choose another --out"),
        "{said}"
    );
    let (code, said) = run(&["run", "--gif-width", "5", "a.mp4"]);
    assert_eq!(code, Some(2));
    assert_eq!(
        said,
        "gifgen: GIF_WIDTH is \"5\", and must be a whole number from 16 to 1280\n"
    );
    let (code, said) = run(&["run", "a.mp4"]);
    assert_eq!(code, Some(1));
    assert_eq!(said, "gifgen: a.mp4: emptyVideo: the file is empty\n");
}

//! Runs the program `gifgen` over hostile files, and measures what it takes.

use std::{
    collections::HashMap,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Most memory of the program and all its children together. Two slices are rendered at once.
const MEMORY_BYTES: u64 = 1536 * MIB;

/// Most bytes in the folder of the previews at one time, work directories included, beside a copy
/// of the source and what is made of it.
const DISK_BYTES: u64 = 256 * MIB;

/// Longest time for a run over one file, also on a machine that does other things; three attempts
/// to do what cannot be done take longer only if each hangs.
const TIME: Duration = Duration::from_secs(120);

/// What each further file may add.
const TIME_OF_FILE: Duration = Duration::from_secs(3);

/// Time between two looks. What is used for less may be missed.
const INTERVAL: Duration = Duration::from_millis(20);

const MIB: u64 = 1024 * 1024;

/// The reasons of rejections. An error that starts with none of them is one that was retried.
const REASONS: [&str; 6] = [
    "notAVideo: ",
    "noVideoStream: ",
    "emptyVideo: ",
    "tooLong: ",
    "tooLarge: ",
    "unreadable: ",
];

/// How the message of a slice starts that failed for good, and was not retried.
const FAILED_FOR_GOOD: [&str; 3] = [
    "FFmpeg cannot render the slice",
    "FFmpeg rendered the slice wrongly",
    "pictures between second",
];

/// What came of a run.
#[must_use]
pub struct Outcome {
    /// The parts of the summary that are about one video each.
    pub videos: Vec<Value>,
}

impl Outcome {
    /// Panics unless it is clear what became of each video, and that starts like one of
    /// `expected`: a rejection, the failure of a slice, or `done`.
    pub fn assert_ends(&self, expected: &[&str]) {
        for video in &self.videos {
            assert_clear(video);
            let failure = &video["failed"][0]["message"];
            let end = video["error"].as_str().or(failure.as_str());
            let end = end.unwrap_or("done");
            let is_expected = expected.iter().any(|start| end.starts_with(start));
            assert!(is_expected, "{video} is none of {expected:?}");
        }
    }
}

/// Runs the pipeline over `videos`; panics if it takes more than it may.
pub fn run(videos: &[PathBuf], folder: &Path) -> Outcome {
    let out = folder.join("out");
    let outputs = [folder.join("stdout"), folder.join("stderr")];
    let [stdout, stderr] = outputs.each_ref().map(|path| File::create(path).unwrap());
    let limit = TIME + TIME_OF_FILE * videos.len() as u32;
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_gifgen"))
        .args(["run", "--json", "--frame-width", "64", "-o"])
        .arg(&out)
        .arg("--")
        .args(videos)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn()
        .unwrap();
    let (mut memory, mut disk) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        memory = memory.max(memory_of_tree(child.id()));
        disk = disk.max(bytes_below(&out));
        if start.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it takes more than {limit:?}");
        }
        thread::sleep(INTERVAL);
    }
    let name = videos[0]
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    eprintln!(
        "{name}: {:.1} s, {} MiB of memory, {} MiB on disk",
        start.elapsed().as_secs_f64(),
        memory / MIB,
        disk / MIB
    );
    let [stdout, stderr] = outputs.map(|path| fs::read_to_string(path).unwrap());
    assert!(memory < MEMORY_BYTES, "{name}: {memory} bytes of memory");
    assert!(disk < DISK_BYTES, "{name}: {disk} bytes on disk");
    let summary: Value = serde_json::from_str(&stdout)
        .unwrap_or_else(|error| panic!("{name}: no summary ({error}): {stderr}"));
    let videos = summary["videos"].as_array().unwrap().clone();
    Outcome { videos }
}

/// Panics unless it is clear what became of a video.
fn assert_clear(video: &Value) {
    if let Some(error) = video["error"].as_str() {
        let is_rejection = REASONS.iter().any(|reason| error.starts_with(reason));
        assert!(is_rejection, "retried in vain: {video}");
        return;
    }
    let failed = video["failed"].as_array().unwrap();
    for slice in failed {
        let message = slice["message"].as_str().unwrap();
        let is_final = FAILED_FOR_GOOD
            .iter()
            .any(|start| message.starts_with(start));
        assert!(is_final, "retried in vain: {video}");
    }
    let done = video["done"].as_u64().unwrap();
    assert_eq!(
        video["slices"].as_u64(),
        Some(done + failed.len() as u64),
        "{video}"
    );
}

/// The resident sets of a process and its descendants.
fn memory_of_tree(root: u32) -> u64 {
    let mut processes = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let id = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok());
        let status = fs::read_to_string(entry.path().join("status"));
        if let (Some(id), Ok(status)) = (id, status) {
            let value = |name| {
                let line = status.lines().find_map(|line| line.strip_prefix(name))?;
                line.split_whitespace().next()?.parse::<u64>().ok()
            };
            let parent = value("PPid:").unwrap_or(0) as u32;
            processes.insert(id, (parent, value("VmRSS:").unwrap_or(0) * 1024));
        }
    }
    let is_below = |mut id: u32| {
        while id != root {
            match processes.get(&id) {
                Some((parent, _)) => id = *parent,
                None => return false,
            }
        }
        true
    };
    let members = processes.iter().filter(|(id, _)| is_below(**id));
    members.map(|(_, (_, bytes))| bytes).sum()
}

fn bytes_below(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    // What is removed meanwhile counts for nothing.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            let below = if metadata.is_dir() {
                bytes_below(&entry.path())
            } else {
                0
            };
            Some(metadata.blocks() * 512 + below)
        })
        .sum()
}

/// Has an FFmpeg that nobody restrains look at `video`, to see that an attack is one.
pub fn look_carelessly(args: &str, video: &Path) {
    let timeout = ["10", "ffprobe", "-v", "quiet"];
    Command::new("timeout")
        .args(timeout)
        .args(args.split_whitespace())
        .arg(video)
        .stdin(Stdio::null())
        .status()
        .unwrap();
}

/// Runs FFmpeg to make a file to start from.
pub fn ffmpeg(args: &str, target: &Path) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args.split_whitespace())
        .arg(target)
        .status()
        .unwrap();
    assert!(status.success());
}

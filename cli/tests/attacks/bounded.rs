//! Runs the program `gifgen` over hostile files and limits its resources.

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

/// Memory limit of the program with all its children, in bytes. Two slices are rendered at once.
const MEMORY_BYTES: u64 = 1536 * MIB;

/// Limit of bytes in the folder of the previews at any time, work directories included, in addition to a
/// copy of the source and its previews.
const DISK_BYTES: u64 = 256 * MIB;

/// Time limit for a run over one file, also on a busy machine. Three attempts at something impossible
/// take longer only if each hangs.
const TIME: Duration = Duration::from_secs(120);

/// Additional time for each further file.
const TIME_OF_FILE: Duration = Duration::from_secs(3);

/// Time between two measurements. A shorter peak may be missed.
const INTERVAL: Duration = Duration::from_millis(20);

const MIB: u64 = 1024 * 1024;

/// Reasons of rejections. An error that starts otherwise was retried.
const REASONS: [&str; 8] = [
    "notAVideo: ",
    "noVideoStream: ",
    "emptyVideo: ",
    "tooLong: ",
    "tooLarge: ",
    "unreadable: ",
    "encrypted: ",
    "unsupportedCodec: ",
];

/// Starts of the messages of slices that failed permanently, without a retry.
const FAILED_FOR_GOOD: [&str; 3] = [
    "FFmpeg cannot render the slice",
    "FFmpeg rendered the slice wrongly",
    "pictures between second",
];

#[must_use]
pub struct Outcome {
    /// The summary's entries, one for each video.
    pub videos: Vec<Value>,
}

impl Outcome {
    /// Panics unless the result of each video is clear and starts like one of `expected`: a rejection,
    /// the failure of a slice, or `done`.
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

/// Runs the pipeline over `videos`. Panics if it exceeds a limit.
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

/// Panics unless the result of a video is clear.
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
    let number = |field: &str| video[field].as_u64().unwrap();
    let done = number("done") + number("sheetsDone");
    assert_eq!(
        Some(number("slices") + number("sheets")),
        Some(done + failed.len() as u64),
        "{video}"
    );
}

/// Resident memory of a process and its descendants, in bytes.
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
    // Files that are removed meanwhile do not count.
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

/// Has an FFmpeg without a sandbox read `video`, to prove that the attack works there.
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

/// Runs FFmpeg to make a base file.
pub fn ffmpeg(args: &str, target: &Path) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args.split_whitespace())
        .arg(target)
        .status()
        .unwrap();
    assert!(status.success());
}

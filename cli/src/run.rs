//! `gifgen run`: the whole pipeline on this machine.

use std::{
    collections::HashSet,
    fs,
    io::IsTerminal,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Instant,
};

use gifgen_ledger::{Bucket, Manifest};
use gifgen_shared::{
    JobId, OutputKeys, SettingsError, SourceKey,
    job_event::JOB_DETAIL_TYPE,
    slice_event::{EVENT_SOURCE, SLICE_DETAIL_TYPE},
};
use gifgen_splitter::{Outcome, Status};
use serde_json::{Value, json};

use crate::{
    dispatch::{PipelineEvent, Running},
    earlier::bring_back,
    here::{FILE_CHANGED, without_bucket},
    interrupt::Interrupt,
    local::{DESTINATION_BUCKET, Local, LocalError, SOURCE_BUCKET, cores},
    options::RunOptions,
    output::{print, tell},
    printable::{in_line, printable},
    progress::Progress,
    status::LostTiles,
    summary::{FailedJob, Summary, Video},
    targets::check_targets,
};

/// Why a run does not start or end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file on the command line cannot be used.
    #[error("{}: {problem}", in_line(&video.to_string_lossy()))]
    Video {
        /// The path as given.
        video: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The pipeline does not start or end.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The summary cannot be printed, or no signal handler can be installed.
    #[error("failed to {action}")]
    System {
        /// What was attempted, as a verb phrase.
        action: &'static str,
        /// Error of the operating system.
        source: std::io::Error,
    },
}

impl RunError {
    /// Exit code: 2 for wrong usage, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Video { .. } => 2,
            Self::Local(LocalError::Settings(SettingsError::OutOfRange { .. })) => 2,
            _ => 1,
        }
    }
}

/// Event pattern that starts the splitter: that of `template.yaml` without its list of file extensions.
/// A bucket may hold many other files. A file on the command line is meant to be a video, whatever its
/// name, and ffprobe checks it.
pub fn created_pattern() -> Value {
    json!({"source": ["aws.s3"], "detail-type": ["Object Created", "Object Restore Completed"],
           "detail": {"bucket": {"name": [SOURCE_BUCKET]}}})
}

/// Event pattern that starts a worker, as in `template.yaml`.
pub fn job_pattern() -> Value {
    json!({"source": [EVENT_SOURCE], "detail-type": [SLICE_DETAIL_TYPE, JOB_DETAIL_TYPE],
           "detail": {"bucket": [SOURCE_BUCKET, {"exists": false}]}})
}

/// Runs the pipeline over the videos and returns the exit code.
///
/// # Errors
/// If the run does not start, or its previews cannot be written. A video without previews is not an
/// error here: summary and exit code report it.
pub async fn run(options: &RunOptions) -> Result<u8, RunError> {
    let started = Instant::now();
    let videos = named_videos(&options.videos)?;
    check_targets(&videos, &options.out)?;
    let mut interrupt = Interrupt::listen().map_err(|source| RunError::System {
        action: "listen for signals",
        source,
    })?;
    let concurrency = options.concurrency.unwrap_or_else(cores);
    let local = Local::start(
        Ipv4Addr::LOCALHOST.into(),
        &options.out,
        &options.setting_flags(),
        concurrency,
    )
    .await?;
    let progress = Progress::show();
    let mut tally = Tally::of(&videos);
    let working = async {
        let mut running = start(&local, &videos, &options.out).await?;
        tally.follow(&mut running, &progress).await;
        tally.count_lost(&local).await?;
        Ok::<(), LocalError>(())
    };
    let interrupted = tokio::select! {
        done = working => done.map(|()| false)?,
        () = interrupt.wait() => true,
    };
    interrupt.exit_at_next(local.folder().to_owned());
    progress.finish();
    let exported = local.export(&options.out).await?;
    local.stop().await?;
    let summary = Summary {
        out: options.out.clone(),
        videos: tally.videos,
        exported,
        wall_seconds: started.elapsed().as_secs_f64(),
        interrupted,
    };
    for problem in summary.problems() {
        tell(&problem);
    }
    print_summary(&summary, options.json)?;
    Ok(summary.exit_code())
}

/// The videos with their file names as keys.
fn named_videos(paths: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, RunError> {
    let mut names = HashSet::new();
    paths
        .iter()
        .map(|path| {
            let key = file_key(path).and_then(|key| {
                if names.insert(key.clone()) {
                    Ok(key)
                } else {
                    Err("another video of this run has the same file name; run them one after the other with different --out".into())
                }
            });
            let key = key.map_err(|problem| RunError::Video {
                video: without_query(path),
                problem,
            })?;
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            Ok((key, path))
        })
        .collect()
}

/// Key of a video: its file name.
pub(crate) fn file_key(path: &Path) -> Result<String, String> {
    let metadata = fs::metadata(path).map_err(|error| {
        if is_url(path) {
            "is a URL, and gifgen reads files of this machine only; download it, and name the file"
                .into()
        } else {
            format!("cannot be read: {error}")
        }
    })?;
    if !metadata.is_file() {
        return Err("is no file; name a video file".into());
    }
    fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    path.file_name()
        .and_then(|name| name.to_str())
        .map(str::to_owned)
        .ok_or_else(|| "has a name that is not UTF-8; rename it".into())
}

/// Whether `path` is a URL, such as `https://…` or `s3://…`.
fn is_url(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

/// A path as given, or a URL without what may be secret in it.
fn without_query(path: &Path) -> PathBuf {
    if !is_url(path) {
        return path.to_owned();
    }
    let text = path.to_string_lossy();
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (scheme, rest) = text[..end].split_once("://").unwrap_or_default();
    let host = rest.find('/').unwrap_or(rest.len());
    let rest = rest[..host]
        .rfind('@')
        .map_or(rest, |user| &rest[user + 1..]);
    format!("{scheme}://{rest}").into()
}

/// Starts the functions and puts the videos into the source bucket. What an earlier run of the same videos has written to
/// `out` is there before, so that only what has changed is made again.
async fn start(
    local: &Local,
    videos: &[(String, PathBuf)],
    out: &Path,
) -> Result<Running, LocalError> {
    let store = local.stack.store();
    for (key, path) in videos {
        // No rule listens yet.
        let video = store.adopt(SOURCE_BUCKET, key, path).await?;
        bring_back(local, &video, out).await?;
    }
    let bus = local.stack.bus();
    let created = bus.add_rule("new-source", &created_pattern())?;
    let jobs = bus.add_rule("new-job", &job_pattern())?;
    let running = local.dispatcher.start(created, jobs);
    for (key, path) in videos {
        store.adopt(SOURCE_BUCKET, key, path).await?;
    }
    Ok(running)
}

fn print_summary(summary: &Summary, as_json: bool) -> Result<(), RunError> {
    let text = if as_json {
        json!(summary).to_string()
    } else {
        printable(&summary.to_string())
    };
    // The cursor is on the bar's line, so the summary starts on a new one.
    let gap = if std::io::stdout().is_terminal() && !as_json {
        "\n"
    } else {
        ""
    };
    print(&format!("{gap}{text}")).map_err(|source| RunError::System {
        action: "print the summary",
        source,
    })?;
    Ok(())
}

/// Counts finished jobs. Events can come twice, so each job is counted once.
struct Tally {
    videos: Vec<Video>,
    finished: HashSet<(String, JobId)>,
}

impl Tally {
    fn of(videos: &[(String, PathBuf)]) -> Self {
        let videos = videos.iter().map(|(key, _)| Video {
            key: key.clone(),
            ..Video::default()
        });
        Self {
            videos: videos.collect(),
            finished: HashSet::new(),
        }
    }

    /// Counts events until each video is finished.
    async fn follow(&mut self, running: &mut Running, progress: &Progress) {
        while !self.videos.iter().all(Video::is_finished) {
            match running.next().await {
                Some(event) => self.count(event, progress),
                None => return,
            }
        }
        self.videos.iter_mut().for_each(Video::count_taken_over);
    }

    /// Counts what sheets lack, also those of an earlier run.
    async fn count_lost(&mut self, local: &Local) -> Result<(), LocalError> {
        let bucket = Bucket::new(local.s3(), DESTINATION_BUCKET);
        for video in &mut self.videos {
            let Ok(key) = SourceKey::plain(&video.key) else {
                continue;
            };
            let key = OutputKeys::of(&key).manifest();
            let read = bucket.read::<Manifest>(&key).await;
            let Some((manifest, _)) = read.map_err(LocalError::Manifest)? else {
                continue;
            };
            let sheets = manifest.sheets().iter();
            let lost = sheets.filter_map(|sheet| LostTiles::of(sheet.index, &sheet.outcome));
            video.lost = lost.collect();
        }
        Ok(())
    }

    fn count(&mut self, event: PipelineEvent, progress: &Progress) {
        match event {
            PipelineEvent::Source(outcome) => self.count_source(outcome, progress),
            PipelineEvent::SplitFailed { key, message } => {
                self.video(&key, |video| video.error = Some(message));
            }
            PipelineEvent::JobDone { key, job } => {
                if self.finished.insert((key.clone(), job)) {
                    progress.advance();
                    self.video(&key, |video| *video.done_of(job) += 1);
                }
            }
            PipelineEvent::JobFailed { key, job, message } => {
                if self.finished.insert((key.clone(), job)) {
                    progress.advance();
                    self.video(&key, |video| video.failed.push(FailedJob { job, message }));
                }
            }
        }
    }

    fn count_source(&mut self, outcome: Outcome, progress: &Progress) {
        let error = match outcome.status {
            Status::Split {
                slices,
                sheets,
                sent,
                length,
                ..
            } => {
                progress.add(u64::from(sent));
                return self.video(&outcome.key, |video| {
                    video.slices = Some(slices);
                    video.sheets = sheets;
                    video.sent = sent;
                    video.length = length;
                });
            }
            Status::Rejected(rejection) => without_bucket(&rejection.to_string()),
            Status::Failed { message } => without_bucket(&message),
            // What an earlier run has written is brought back without its manifest.
            Status::Complete { .. } | Status::UnderWay { .. } => "was there already".into(),
            // The splitter found another version, or none.
            Status::Ignored { .. } => FILE_CHANGED.into(),
        };
        self.video(&outcome.key, |video| video.error = Some(error));
    }

    fn video(&mut self, key: &str, change: impl FnOnce(&mut Video)) {
        if let Some(video) = self.videos.iter_mut().find(|video| video.key == key) {
            change(video);
        }
    }
}

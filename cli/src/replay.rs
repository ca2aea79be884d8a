//! `gifgen replay`: passes a saved event to its function.

use std::{fs, num::NonZero, path::PathBuf};

use gifgen_shared::{
    Addressing, AddressingError, Connections, Deadline, SettingsError,
    job_event::JOB_DETAIL_TYPE,
    overview::TILES_PER_SHEET,
    slice_event::{EVENT_SOURCE, SLICE_DETAIL_TYPE},
    with_causes,
};
use gifgen_splitter::Splitter;
use gifgen_worker::{Invocation, Worker};
use serde_json::{Value, json};

use crate::{
    dispatch::{Dispatcher, INVOCATION},
    evidence::{self, NoEvidence, says_done},
    external::{self, ExternalError},
    local::{Local, LocalError, cores},
    login::log_in,
    options::ReplayOptions,
    output::{print, tell},
    printable::in_line,
    run::file_key,
    saved_event::{Request, SavedEvent, SavedEventError},
    test_picture::{self, TestPictureError},
};

/// Length of the splitter's test video in seconds: three slices.
const TEST_PICTURE_SECONDS: f64 = 65.0;

/// Why a replay failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Event(#[from] SavedEventError),
    /// The video cannot be used.
    #[error("{}: {problem}", in_line(&video.to_string_lossy()))]
    Video {
        /// The path as given.
        video: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The answer cannot be printed.
    #[error("failed to print the answer")]
    Print(#[source] std::io::Error),
    /// The function failed with a transient error.
    #[error("the function failed, and would be tried again: {0}")]
    Function(String),
    /// The program of `--invoke` returned no answer.
    #[error(transparent)]
    External(#[from] ExternalError),
    /// The answer says "done", but objects or events are missing.
    #[error(transparent)]
    NoEvidence(#[from] NoEvidence),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// `S3_ADDRESSING_STYLE` is invalid.
    #[error(transparent)]
    Addressing(#[from] AddressingError),
    #[error(transparent)]
    Local(#[from] LocalError),
    /// No video was given, and no test video could be made.
    #[error(transparent)]
    TestPicture(#[from] TestPictureError),
}

impl ReplayError {
    /// Exit code: 2 for wrong usage, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(SettingsError::OutOfRange { .. })
            | Self::Local(LocalError::Settings(SettingsError::OutOfRange { .. })) => 2,
            _ => 1,
        }
    }
}

/// Replays the event, prints the function's answer and returns the exit code.
///
/// # Errors
/// If the file holds no event, the function has a transient error, or its answer is not true.
pub async fn replay(options: &ReplayOptions) -> Result<u8, ReplayError> {
    let event = SavedEvent::read(&options.event)?;
    let (answer, request) = if options.aws {
        (replay_on_aws(options, &event).await?, event.request)
    } else {
        // The stand-in has another version than the event names.
        let event = event.without_version();
        (replay_here(options, &event).await?, event.request)
    };
    Ok(u8::from(!says_done(&request, &answer)))
}

fn print_answer(answer: &Value, options: &ReplayOptions) -> Result<(), ReplayError> {
    let text = if options.json {
        format!("{answer}")
    } else {
        format!("{answer:#}")
    };
    print(&text).map_err(ReplayError::Print)?;
    Ok(())
}

async fn replay_here(options: &ReplayOptions, event: &SavedEvent) -> Result<Value, ReplayError> {
    let local = Local::start(
        options.listen,
        &options.out,
        &options.settings,
        NonZero::<u32>::MIN,
    )
    .await?;
    let done = replay_in(&local, options, event).await;
    let exported = local.export(&options.out).await;
    local.stop().await?;
    let answer = done?;
    exported?;
    Ok(answer)
}

async fn replay_in(
    local: &Local,
    options: &ReplayOptions,
    event: &SavedEvent,
) -> Result<Value, ReplayError> {
    let (store, bus) = (local.stack.store(), local.stack.bus());
    let video = replacement_video(options, &event.request, local)?;
    for (bucket, key) in &event.request.sources() {
        store
            .create_bucket(bucket)
            .await
            .map_err(LocalError::from)?;
        store
            .adopt(bucket, key, &video)
            .await
            .map_err(LocalError::from)?;
    }
    // Matches whatever bucket the saved event names.
    let pattern =
        json!({"source": [EVENT_SOURCE], "detail-type": [SLICE_DETAIL_TYPE, JOB_DETAIL_TYPE]});
    let jobs = bus.add_rule("jobs", &pattern).map_err(LocalError::from)?;
    let answer = match &options.invoke {
        Some(program) => {
            let (stack, flags) = (&local.stack, &options.settings);
            external::invoke(program, event, stack, flags, local.folder()).await?
        }
        None => invoke(&local.dispatcher, event).await?,
    };
    print_answer(&answer, options)?;
    if says_done(&event.request, &answer) {
        evidence::check(&event.request, &answer, &local.previews, store, jobs).await?;
    }
    Ok(answer)
}

/// The video that replaces the event's source.
fn replacement_video(
    options: &ReplayOptions,
    request: &Request,
    local: &Local,
) -> Result<PathBuf, ReplayError> {
    let Some(video) = &options.video else {
        let seconds = match request {
            Request::Split(_) => TEST_PICTURE_SECONDS,
            Request::Render(wanted) | Request::Record(wanted) => wanted.slice.end,
            Request::RenderSheet { index, .. } => {
                f64::from(*index) * TILES_PER_SHEET as f64 + TEST_PICTURE_SECONDS
            }
        };
        let picture = test_picture::make(&local.ffmpeg, seconds, local.folder())?;
        tell("a test picture stands in for the source; name a video with --video");
        return Ok(picture);
    };
    file_key(video).map_err(|problem| ReplayError::Video {
        video: video.clone(),
        problem,
    })?;
    Ok(fs::canonicalize(video).unwrap_or_else(|_| video.clone()))
}

async fn replay_on_aws(options: &ReplayOptions, event: &SavedEvent) -> Result<Value, ReplayError> {
    let settings = options.settings.settings(&[])?;
    let aws = log_in().await;
    let connections = Connections::new(aws, Addressing::of_environment()?);
    let (s3, bus) = (connections.s3(), connections.event_bridge());
    let splitter =
        Splitter::new(s3.clone(), bus.clone(), settings.clone()).map_err(LocalError::from)?;
    let worker = Worker::start(s3, bus, settings, cores(), std::env::temp_dir())
        .map_err(LocalError::from)?;
    let dispatcher = Dispatcher::new(splitter, worker, NonZero::<u32>::MIN);
    let answer = invoke(&dispatcher, event).await?;
    print_answer(&answer, options)?;
    Ok(answer)
}

/// Invokes the function in this process.
async fn invoke(functions: &Dispatcher, event: &SavedEvent) -> Result<Value, ReplayError> {
    let deadline = Deadline::after(INVOCATION);
    if let Request::Split(_) = event.request {
        let splitting = functions.splitter.handle(&event.json, deadline);
        let summary = splitting
            .await
            .map_err(|error| ReplayError::Function(with_causes(&error)))?;
        return Ok(json!(summary));
    }
    let invocation = Invocation {
        id: format!("replay-{}", std::process::id()),
        memory_megabytes: None,
        deadline,
    };
    let answer = functions
        .worker
        .handle(&event.json, &invocation)
        .await
        .map_err(|error| ReplayError::Function(with_causes(&error)))?;
    Ok(json!(answer))
}

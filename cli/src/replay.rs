//! `gifgen replay`: a saved event, handed to the function that it is meant for.

use std::{
    fs,
    num::NonZero,
    path::{Path, PathBuf},
};

use gifgen_shared::{
    deadline::Deadline,
    settings::SettingsError,
    slice_event::{SliceEvent, SliceEventError},
};
use gifgen_splitter::{outcome::Outcome, splitter::Splitter, trigger::created_objects};
use gifgen_worker::{
    invocation::Invocation,
    worker::{Answer, Worker},
};
use serde_json::{Value, json};

use crate::{
    dispatch::{Dispatcher, INVOCATION},
    local::{Local, LocalError, SOURCE_BUCKET, cores},
    options::ReplayOptions,
    printable::in_line,
    run::file_key,
    test_picture::{self, TestPictureError},
};

/// Length of the test picture that the splitter gets: three slices.
const TEST_PICTURE_SECONDS: f64 = 65.0;

/// Why an event is not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read, or holds no JSON.
    #[error("failed to read the event {}: {problem}", event.display())]
    Event {
        /// The file.
        event: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The event is for neither function.
    #[error("the event is for neither function; as a slice event: {0}")]
    Unknown(SliceEventError),
    /// The video cannot be taken.
    #[error("{}: {problem}", in_line(&video.to_string_lossy()))]
    Video {
        /// The path as given.
        video: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The function failed for a passing reason.
    #[error("the function failed, and would be tried again: {0}")]
    Function(String),
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The pipeline does not start.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// No video was named, and none can be made.
    #[error(transparent)]
    TestPicture(#[from] TestPictureError),
}

impl ReplayError {
    /// The exit code: 2 for wrong usage, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(SettingsError::OutOfRange { .. })
            | Self::Local(LocalError::Settings(SettingsError::OutOfRange { .. })) => 2,
            _ => 1,
        }
    }
}

/// An event and the function that it is meant for.
enum Meant {
    ForSplitter {
        objects: Vec<(String, String)>,
    },
    ForWorker {
        bucket: String,
        key: String,
        end: f64,
    },
}

/// Replays the event, prints the function's answer, and gives the exit code.
///
/// # Errors
/// If the event is none, or the function fails for a passing reason.
pub async fn replay(options: &ReplayOptions) -> Result<u8, ReplayError> {
    let event = read_event(&options.event)?;
    let meant = meant(&event)?;
    let (answer, done) = if options.aws {
        replay_on_aws(options, &event, &meant).await?
    } else {
        replay_here(options, &event, &meant).await?
    };
    if options.json {
        println!("{answer}");
    } else {
        println!("{answer:#}");
    }
    Ok(u8::from(!done))
}

fn read_event(path: &Path) -> Result<Value, ReplayError> {
    let failed = |problem: String| ReplayError::Event {
        event: path.to_owned(),
        problem,
    };
    let text = fs::read(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))
}

fn meant(event: &Value) -> Result<Meant, ReplayError> {
    if let Ok(created) = created_objects(event) {
        let objects = created.into_iter().flatten().map(|c| (c.bucket, c.raw_key));
        return Ok(Meant::ForSplitter {
            objects: objects.collect(),
        });
    }
    let given_up = given_up(event);
    let slice = SliceEvent::parse(given_up.as_ref().unwrap_or(event));
    let slice = slice.map_err(ReplayError::Unknown)?;
    Ok(Meant::ForWorker {
        bucket: slice.bucket.unwrap_or_else(|| SOURCE_BUCKET.into()),
        key: slice.key.to_string(),
        end: slice.end,
    })
}

/// The slice event in a message of the failure queue, which the worker reads too.
fn given_up(event: &Value) -> Option<Value> {
    let message = event.get("Records")?.get(0)?;
    let body: Value = serde_json::from_str(message["body"].as_str()?).ok()?;
    Some(body.get("requestPayload").cloned().unwrap_or(body))
}

async fn replay_here(
    options: &ReplayOptions,
    event: &Value,
    meant: &Meant,
) -> Result<(Value, bool), ReplayError> {
    let local = Local::start(&options.out, &options.settings, NonZero::<u32>::MIN).await?;
    let video = stand_in(options, meant, &local)?;
    let objects = match meant {
        Meant::ForSplitter { objects } => objects.clone(),
        Meant::ForWorker { bucket, key, .. } => vec![(bucket.clone(), key.clone())],
    };
    let store = local.stack.store();
    for (bucket, key) in &objects {
        store
            .create_bucket(bucket)
            .await
            .map_err(LocalError::from)?;
        store
            .adopt(bucket, key, &video)
            .await
            .map_err(LocalError::from)?;
    }
    // The stand-in has another version than the one that the event names.
    let event = without_version(event.clone());
    let answer = invoke(&local.dispatcher, &event, meant).await?;
    local.export(&options.out).await?;
    local.stop().await?;
    Ok(answer)
}

/// The video that stands in for the event's source.
fn stand_in(options: &ReplayOptions, meant: &Meant, local: &Local) -> Result<PathBuf, ReplayError> {
    let Some(video) = &options.video else {
        let seconds = match meant {
            Meant::ForSplitter { .. } => TEST_PICTURE_SECONDS,
            Meant::ForWorker { end, .. } => *end,
        };
        let picture = test_picture::make(&local.ffmpeg, seconds, local.folder())?;
        eprintln!("gifgen: a test picture stands in for the source; name a video with --video");
        return Ok(picture);
    };
    file_key(video).map_err(|problem| ReplayError::Video {
        video: video.clone(),
        problem,
    })?;
    Ok(fs::canonicalize(video).unwrap_or_else(|_| video.clone()))
}

async fn replay_on_aws(
    options: &ReplayOptions,
    event: &Value,
    meant: &Meant,
) -> Result<(Value, bool), ReplayError> {
    let settings = options.settings.settings(&[])?;
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let s3 = aws_sdk_s3::Client::new(&config);
    let bus = aws_sdk_eventbridge::Client::new(&config);
    let splitter =
        Splitter::new(s3.clone(), bus.clone(), settings.clone()).map_err(LocalError::from)?;
    let worker = Worker::start(s3, bus, settings, cores(), std::env::temp_dir())
        .map_err(LocalError::from)?;
    let dispatcher = Dispatcher::new(splitter, worker, NonZero::<u32>::MIN);
    invoke(&dispatcher, event, meant).await
}

/// The function's answer, and whether it did all that the event asks for.
async fn invoke(
    functions: &Dispatcher,
    event: &Value,
    meant: &Meant,
) -> Result<(Value, bool), ReplayError> {
    let deadline = Deadline::after(INVOCATION);
    match meant {
        Meant::ForSplitter { .. } => {
            let summary = functions
                .splitter
                .handle(event, deadline)
                .await
                .map_err(|error| ReplayError::Function(error.to_string()))?;
            let good = |outcome: &Outcome| {
                matches!(outcome, Outcome::Split { .. } | Outcome::Complete { .. })
            };
            let done = summary.error.is_none() && summary.sources.iter().all(good);
            Ok((json!(summary), done))
        }
        Meant::ForWorker { .. } => {
            let invocation = Invocation {
                id: format!("replay-{}", std::process::id()),
                memory_megabytes: None,
                deadline,
            };
            let answer = functions
                .worker
                .handle(event, &invocation)
                .await
                .map_err(|error| ReplayError::Function(error.to_string()))?;
            let done = match &answer {
                Answer::Done(_) => true,
                Answer::GivenUp(batch) => batch.batch_item_failures.is_empty(),
                Answer::Failed { .. } | Answer::Superseded => false,
            };
            Ok((json!(answer), done))
        }
    }
}

fn without_version(mut event: Value) -> Value {
    match &mut event {
        Value::Object(fields) => {
            fields.remove("etag");
            fields.remove("eTag");
            for value in fields.values_mut() {
                *value = without_version(value.take());
            }
        }
        Value::Array(values) => {
            for value in values {
                *value = without_version(value.take());
            }
        }
        _ => {}
    }
    event
}

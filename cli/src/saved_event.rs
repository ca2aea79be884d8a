//! A saved event, and what it requests of which function.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gifgen_shared::{JobEvent, Slice, SliceEvent, SliceEventError, SourceKey};
use gifgen_splitter::trigger::created_objects;
use serde_json::Value;

use crate::{local::SOURCE_BUCKET, printable::in_line};

#[derive(Debug)]
pub struct SavedEvent {
    /// The event as the function gets it.
    pub json: Value,
    pub request: Request,
}

/// What an event requests of which function.
#[derive(Debug)]
pub enum Request {
    /// The splitter should split these objects: bucket and key of each.
    Split(Vec<(String, String)>),
    /// The worker should render this slice.
    Render(RequestedSlice),
    /// The worker should render this sheet of an overview.
    RenderSheet {
        /// Bucket of the source.
        bucket: String,
        key: SourceKey,
        /// Number of the sheet, from zero.
        index: u32,
    },
    /// The worker should record that this slice was given up.
    Record(RequestedSlice),
}

#[derive(Debug)]
pub struct RequestedSlice {
    /// Bucket of the source.
    pub bucket: String,
    pub key: SourceKey,
    pub slice: Slice,
}

/// Why a file holds no event for a function.
#[derive(Debug, thiserror::Error)]
pub enum SavedEventError {
    /// The file cannot be read, or holds no JSON.
    #[error("failed to read the event {}: {problem}", in_line(&file.to_string_lossy()))]
    File { file: PathBuf, problem: String },
    /// The event is for neither function.
    #[error("the event is for neither function; as a slice event: {0}")]
    Unknown(SliceEventError),
}

impl SavedEvent {
    /// Reads an event from a file.
    ///
    /// # Errors
    /// If the file holds no event that one of the functions takes.
    pub fn read(file: &Path) -> Result<Self, SavedEventError> {
        let failed = |problem: String| SavedEventError::File {
            file: file.to_owned(),
            problem,
        };
        let text = fs::read(file).map_err(|error| failed(error.to_string()))?;
        let json = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
        let request = request(&json).map_err(SavedEventError::Unknown)?;
        Ok(Self { json, request })
    }

    /// Removes the source's version from the event, so that another video can replace the source.
    pub fn without_version(self) -> Self {
        Self {
            json: without_version(self.json),
            ..self
        }
    }
}

impl Request {
    /// Bucket and key of each source that the event names.
    pub fn sources(&self) -> Vec<(String, String)> {
        match self {
            Self::Split(objects) => objects.clone(),
            Self::Render(wanted) | Self::Record(wanted) => {
                vec![(wanted.bucket.clone(), wanted.key.to_string())]
            }
            Self::RenderSheet { bucket, key, .. } => vec![(bucket.clone(), key.to_string())],
        }
    }
}

fn request(event: &Value) -> Result<Request, SliceEventError> {
    if let Ok(created) = created_objects(event) {
        let objects = created.into_iter().flatten().map(|c| (c.bucket, c.raw_key));
        return Ok(Request::Split(objects.collect()));
    }
    if let Ok(JobEvent {
        bucket, key, job, ..
    }) = JobEvent::parse(event)
    {
        let index = job.index;
        return Ok(Request::RenderSheet { bucket, key, index });
    }
    let wanted = |event: &Value| {
        SliceEvent::parse(event).map(|slice| RequestedSlice {
            slice: slice.slice(),
            bucket: slice.bucket.unwrap_or_else(|| SOURCE_BUCKET.into()),
            key: slice.key,
        })
    };
    match given_up(event) {
        Some(slice) => wanted(&slice).map(Request::Record),
        None => wanted(event).map(Request::Render),
    }
}

/// The slice event in a message of the failure queue, which the worker also handles.
fn given_up(event: &Value) -> Option<Value> {
    let message = event.get("Records")?.get(0)?;
    let body: Value = serde_json::from_str(message["body"].as_str()?).ok()?;
    Some(body.get("requestPayload").cloned().unwrap_or(body))
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

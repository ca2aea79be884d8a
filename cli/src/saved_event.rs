//! A saved event, and the function that it is meant for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gifgen_shared::{
    slice::Slice,
    slice_event::{SliceEvent, SliceEventError},
    source_key::SourceKey,
};
use gifgen_splitter::trigger::created_objects;
use serde_json::Value;

use crate::{local::SOURCE_BUCKET, printable::in_line};

/// A saved event.
#[derive(Debug)]
pub struct SavedEvent {
    /// The event as the function gets it.
    pub json: Value,
    /// What it asks for.
    pub meant: Meant,
}

/// What an event asks for, and of which function.
#[derive(Debug)]
pub enum Meant {
    /// The splitter is to split these objects: bucket and key of each.
    Split(Vec<(String, String)>),
    /// The worker is to render a slice.
    Render(Wanted),
    /// The worker is to record that a slice was given up.
    Record(Wanted),
}

/// A slice that an event names.
#[derive(Debug)]
pub struct Wanted {
    /// Bucket of the source.
    pub bucket: String,
    /// Key of the source.
    pub key: SourceKey,
    /// The time range.
    pub slice: Slice,
}

/// Why a file gives no event.
#[derive(Debug, thiserror::Error)]
pub enum SavedEventError {
    /// The file cannot be read, or holds no JSON.
    #[error("failed to read the event {}: {problem}", in_line(&file.to_string_lossy()))]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
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
        let meant = meant(&json).map_err(SavedEventError::Unknown)?;
        Ok(Self { json, meant })
    }

    /// The same event without the version of its source, so that another video stands in for it.
    pub fn without_version(self) -> Self {
        Self {
            json: without_version(self.json),
            ..self
        }
    }
}

impl Meant {
    /// Bucket and key of each source that the event names.
    pub fn sources(&self) -> Vec<(String, String)> {
        match self {
            Self::Split(objects) => objects.clone(),
            Self::Render(wanted) | Self::Record(wanted) => {
                vec![(wanted.bucket.clone(), wanted.key.to_string())]
            }
        }
    }
}

fn meant(event: &Value) -> Result<Meant, SliceEventError> {
    if let Ok(created) = created_objects(event) {
        let objects = created.into_iter().flatten().map(|c| (c.bucket, c.raw_key));
        return Ok(Meant::Split(objects.collect()));
    }
    let wanted = |event: &Value| {
        SliceEvent::parse(event).map(|slice| Wanted {
            slice: slice.slice(),
            bucket: slice.bucket.unwrap_or_else(|| SOURCE_BUCKET.into()),
            key: slice.key,
        })
    };
    match given_up(event) {
        Some(slice) => wanted(&slice).map(Meant::Record),
        None => wanted(event).map(Meant::Render),
    }
}

/// The slice event in a message of the failure queue, which the worker reads too.
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

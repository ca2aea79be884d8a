//! The model that splitter, worker and `gifgen` share.
//!
//! A *source* is one uploaded video. A *slice* is the half-open time range that one worker renders. A
//! *frame* is one JPG for one whole second.

mod archived;
pub mod backoff;
pub mod batch;
pub mod blocking;
pub mod colour;
pub mod connections;
pub mod crop;
pub mod deadline;
pub mod error_chain;
pub mod header;
pub mod job;
pub mod job_event;
pub mod other_stream;
pub mod output_keys;
pub mod overview;
pub mod presigned_url;
pub mod preview_settings;
pub mod publish;
pub mod refusal;
pub mod rejection;
pub mod settings;
pub mod slice;
pub mod slice_event;
pub mod source;
pub mod source_key;
pub mod timeline;
pub mod tracks;
pub mod video_stream;
pub mod work_dir;

pub use self::{
    backoff::{Backoff, Retries},
    colour::Colour,
    connections::{Addressing, AddressingError, Connections},
    deadline::Deadline,
    error_chain::with_causes,
    header::Header,
    job::{Job, JobId},
    job_event::JobEvent,
    other_stream::{NotChosen, OtherStream},
    output_keys::OutputKeys,
    overview::Sheet,
    presigned_url::PresignedUrl,
    preview_settings::{Decode, Frames, GifDither, Gifs, Overview, PreviewSettings},
    publish::PublishError,
    refusal::Refusal,
    rejection::{Reason, Rejection},
    settings::{Settings, SettingsError},
    slice::Slice,
    slice_event::{ExcerptText, SliceEvent, SliceEventError},
    source::{ETag, ETagError, PinnedSource, Source, SourceState, SourceUnavailable},
    source_key::{SourceKey, SourceKeyError},
    timeline::{Piece, Timeline},
    tracks::{TrackFormat, Tracks},
    video_stream::VideoStream,
    work_dir::WorkDir,
};

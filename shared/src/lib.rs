//! The model that splitter, worker and `gifgen` share.
//!
//! A *source* is one uploaded video. A *slice* is the half-open time range that one worker renders. A
//! *frame* is one JPG for one whole second.

mod archived;
pub mod backoff;
pub mod batch;
pub mod blocking;
pub mod connections;
pub mod deadline;
pub mod error_chain;
pub mod header;
pub mod output_keys;
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
pub mod video_stream;
pub mod work_dir;

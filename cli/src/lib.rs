//! The command line `gifgen`. It runs the real splitter and worker against its own S3 server and event
//! bus on this machine.

mod command_error;
pub mod dispatch;
mod earlier;
mod evidence;
mod export;
mod external;
mod here;
mod interrupt;
pub mod local;
mod login;
pub mod options;
pub mod output;
mod printable;
mod progress;
mod redrive;
mod regular;
mod remote;
mod replay;
pub mod run;
mod saved_event;
mod sheets;
mod status;
mod summary;
mod targets;
mod test_picture;
mod tracks;

pub use crate::{
    command_error::CommandError, redrive::redrive, replay::replay, status::status,
    tracks::export_tracks,
};

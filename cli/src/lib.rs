//! The command line `gifgen`: the real splitter and worker against an S3 server and an event bus
//! of its own, on this machine.

pub mod command_error;
pub mod dispatch;
pub mod evidence;
pub mod export;
pub mod external;
pub mod interrupt;
pub mod local;
pub mod login;
pub mod options;
pub mod printable;
pub mod progress;
pub mod redrive;
pub mod remote;
pub mod replay;
pub mod run;
pub mod saved_event;
pub mod status;
pub mod summary;
pub mod test_picture;

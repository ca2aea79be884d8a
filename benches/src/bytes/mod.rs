//! What is read of a source: each slice by plain FFmpeg and by ours, against the bytes that it needs.
//!
//! - [`media`]: the files, one for each way in which a container tells where its pictures are.
//! - [`ideal`]: the bytes that a slice needs.
//! - [`reads`]: requests and bytes, counted by a proxy.
//! - [`measured_worker`]: the local AWS side, and the lanes in which slices are read.
//! - [`plain`]: FFmpeg over the URL.
//! - [`splitting`]: the real splitter, in a process of its own.
//! - [`ours`]: the real worker.
//! - [`first_frame`]: how long the first picture takes.
//! - [`measured`]: all of it for one file, and the table's row.
//! - [`bounds`]: what the figures must not exceed.

pub mod bounds;
pub mod first_frame;
pub mod ideal;
pub mod measured;
pub mod measured_worker;
pub mod media;
pub mod ours;
pub mod plain;
pub mod reads;
pub mod splitting;

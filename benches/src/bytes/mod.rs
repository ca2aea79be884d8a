//! Reads of a source: each slice by plain FFmpeg and by gifgen, compared with the bytes that it
//! needs.
//!
//! - [`media`]: the files, one for each way in which containers index their pictures.
//! - [`ideal`]: the bytes that a slice needs.
//! - [`reads`]: requests and bytes, counted by a proxy.
//! - [`measured_worker`]: workers with a counting proxy.
//! - [`plain`]: FFmpeg over the URL.
//! - [`splitting`]: the real splitter, in its own process.
//! - [`ours`]: the real worker.
//! - [`first_frame`]: time to the first picture.
//! - [`measured`]: all measurements of a file, and its row in the table.
//! - [`bounds`]: upper bounds of the measurements.

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

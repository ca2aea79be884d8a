//! Reads a source, in one version of it: ranges over presigned URLs, and the loopback server through
//! which FFmpeg gets at the source where it must seek for itself.

pub mod block_cache;
mod block_stream;
pub mod http;
pub mod loopback_proxy;
pub mod probing;
pub mod ranges;
pub mod reader;

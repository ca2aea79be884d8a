//! Reads a source, in one version of it: ranges over presigned URLs, and the loopback server through
//! which FFmpeg gets at the source where it must seek for itself.

mod block_stream;
pub mod block_cache;
pub mod loopback_proxy;
pub mod http;
pub mod probing;
pub mod ranges;
pub mod reader;

//! Reads one version of a source: ranges over presigned URLs, a cache of what was read, and a loopback proxy for
//! FFmpeg where that must seek for itself.

mod block_cache;
mod block_memory;
mod block_stream;
mod error;
mod http;
mod in_flight_request;
mod loopback_proxy;
pub mod probing;
mod reader;
mod repaired_stream;
pub mod repeats;

pub use block_cache::BlockCache;
pub use error::ReadError;
pub use http::{Http, NoTls};
pub use loopback_proxy::{LoopbackProxy, LoopbackProxyError};
pub use reader::{RangeStream, Reader};

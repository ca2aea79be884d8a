//! What a container itself knows of pictures that its file has lost.

mod asf;
mod avi;
mod ogg;
mod program_stream;
mod transport_stream;

pub use asf::asf_loses;
pub use avi::avi_loss;
pub use ogg::ogg_loses;
pub use program_stream::program_stream_gaps;
pub use transport_stream::{pieces_lose, transport_stream_breaks, transport_stream_loses};

/// Most bytes that are examined.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

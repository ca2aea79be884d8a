//! What a container itself knows of pictures that its file has lost.

mod avi;
mod transport_stream;

pub use avi::avi_loss;
pub use transport_stream::{pieces_lose, transport_stream_loses};

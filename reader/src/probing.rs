//! ffprobe on a source, through the gateway.

use std::{ops::Range, path::Path, sync::Arc};

use gifgen_shared::{
    deadline::Deadline,
    ffmpeg_input::Input,
    probe::{Header, Probe, ProbeError},
};

use crate::{
    blocks::Blocks,
    gateway::{Gateway, GatewayError},
    reader::ReadError,
};

/// Why a source could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ProbingError {
    /// ffprobe says so.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The source cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no port for the gateway. Transient.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

/// What ffprobe finds, and the length of the video stream in seconds: see [`Probe::measure`].
///
/// # Errors
/// If the source cannot be read, or is no video.
pub async fn measure(
    ffprobe: &Path,
    blocks: &Arc<Blocks>,
    deadline: Deadline,
) -> Result<(Header, f64), ProbingError> {
    let gateway = Gateway::start(Arc::clone(blocks)).await?;
    let input = Input::Loopback {
        url: &gateway.url(),
        port: gateway.port(),
        container: None,
    };
    let probe = Probe {
        ffprobe,
        input,
        deadline,
    };
    judge(probe.measure().await, &gateway)
}

/// When the packets of the stream `index` of a `container` are shown that lie within `range`: see
/// [`Probe::packet_times`].
///
/// # Errors
/// If the source cannot be read, or the time runs out.
pub async fn packet_times(
    ffprobe: &Path,
    blocks: &Arc<Blocks>,
    deadline: Deadline,
    container: &str,
    index: u32,
    range: Range<f64>,
) -> Result<Vec<f64>, ProbingError> {
    let gateway = Gateway::start(Arc::clone(blocks)).await?;
    let input = Input::Loopback {
        url: &gateway.url(),
        port: gateway.port(),
        container: Some(container),
    };
    let probe = Probe {
        ffprobe,
        input,
        deadline,
    };
    judge(probe.packet_times(index, range).await, &gateway)
}

/// To ffprobe a source that cannot be read looks like one that ends, so the gateway has the last word.
fn judge<T>(found: Result<T, ProbeError>, gateway: &Gateway) -> Result<T, ProbingError> {
    match gateway.failure() {
        Some(error) => Err(error.into()),
        None => Ok(found?),
    }
}

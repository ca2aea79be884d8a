//! ffprobe on a source, through the gateway.

use std::{ops::Range, path::Path, sync::Arc};

use gifgen_probe::{Probe, ProbeError, SIGNATURE_BYTES, rejection_of};
use gifgen_shared::{deadline::Deadline, header::Header, rejection::Reason};

use crate::{
    block_cache::BlockCache,
    loopback_proxy::{GatewayError, LoopbackProxy},
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
    LoopbackProxy(#[from] GatewayError),
}

/// What ffprobe finds in the header and the first pictures: see [`Probe::header`].
///
/// # Errors
/// If the source cannot be read, or is no video.
pub async fn header(
    ffprobe: &Path,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
) -> Result<Header, ProbingError> {
    let gateway = LoopbackProxy::start(Arc::clone(blocks)).await?;
    let probe = Probe {
        ffprobe,
        input: gateway.input(None),
        deadline,
    };
    let found = judge(probe.header().await, &gateway);
    match &found {
        Err(ProbingError::Probe(ProbeError::Rejected(rejection)))
            if rejection.reason == Reason::Unreadable =>
        {
            let beginning = blocks.read(0..SIGNATURE_BYTES).await?;
            rejection_of(&beginning).map_or(found, |known| Err(ProbeError::from(known).into()))
        }
        _ => found,
    }
}

/// The length of the video stream in seconds: see [`Probe::length`].
///
/// # Errors
/// If the source cannot be read, or holds no whole video.
pub async fn length(
    ffprobe: &Path,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
    header: &Header,
) -> Result<f64, ProbingError> {
    let gateway = LoopbackProxy::start(Arc::clone(blocks)).await?;
    let probe = Probe {
        ffprobe,
        input: gateway.input(Some(&header.container)),
        deadline,
    };
    judge(probe.length(header).await, &gateway)
}

/// The header, and the length by ffprobe.
///
/// # Errors
/// If the source cannot be read, or holds no whole video.
pub async fn measure(
    ffprobe: &Path,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
) -> Result<(Header, f64), ProbingError> {
    let header = header(ffprobe, blocks, deadline).await?;
    let length = length(ffprobe, blocks, deadline, &header).await?;
    Ok((header, length))
}

/// When the packets of the stream `index` of a `container` are shown that lie within `range`: see
/// [`Probe::packet_times`].
///
/// # Errors
/// If the source cannot be read, or the time runs out.
pub async fn packet_times(
    ffprobe: &Path,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
    container: &str,
    index: u32,
    range: Range<f64>,
) -> Result<Vec<f64>, ProbingError> {
    let gateway = LoopbackProxy::start(Arc::clone(blocks)).await?;
    let probe = Probe {
        ffprobe,
        input: gateway.input(Some(container)),
        deadline,
    };
    judge(probe.packet_times(index, range).await, &gateway)
}

/// To ffprobe a source that cannot be read looks like one that ends, so the gateway has the last word.
fn judge<T>(found: Result<T, ProbeError>, gateway: &LoopbackProxy) -> Result<T, ProbingError> {
    match gateway.failure() {
        Some(error) => Err(error.into()),
        None => Ok(found?),
    }
}

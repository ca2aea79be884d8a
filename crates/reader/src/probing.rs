//! Runs ffprobe on a source, through the loopback proxy.

use std::{ops::Range, path::Path, sync::Arc};

use gifgen_probe::{PacketAt, Probe, ProbeError, SIGNATURE_BYTES, rejection_of};
use gifgen_shared::{Deadline, Header, Reason};

use crate::{
    block_cache::BlockCache,
    error::ReadError,
    loopback_proxy::{LoopbackProxy, LoopbackProxyError},
};

/// Why a source could not be probed.
#[derive(Debug, thiserror::Error)]
pub enum ProbingError {
    /// ffprobe failed, or rejected the source.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The source cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The loopback proxy got no port. Transient.
    #[error(transparent)]
    LoopbackProxy(#[from] LoopbackProxyError),
}

/// Probes the header and the first pictures; see [`Probe::header`].
///
/// # Errors
/// If the source cannot be read, or is no video.
pub async fn header(
    ffprobe: &Path,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
) -> Result<Header, ProbingError> {
    let proxy = LoopbackProxy::start(Arc::clone(blocks)).await?;
    let probe = Probe {
        ffprobe,
        input: proxy.input(None),
        deadline,
    };
    let found = judge(probe.header().await, &proxy);
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

/// The length of the video stream in seconds; see [`Probe::length`].
///
/// # Errors
/// If the source cannot be read, or holds no whole video.
pub async fn length(
    ffprobe: &Path,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
    header: &Header,
) -> Result<f64, ProbingError> {
    let proxy = LoopbackProxy::start(Arc::clone(blocks)).await?;
    let probe = Probe {
        ffprobe,
        input: proxy.input(Some(&header.container)),
        deadline,
    };
    judge(probe.length(header).await, &proxy)
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

/// The packets within `range` of a source in the format `container`, of the stream `index` or of all; see
/// [`Probe::packets_within`].
///
/// # Errors
/// If the source cannot be read, or the time runs out.
pub async fn packets_within(
    ffprobe: &Path,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
    container: &str,
    index: Option<u32>,
    range: Range<f64>,
) -> Result<Vec<PacketAt>, ProbingError> {
    let proxy = LoopbackProxy::start(Arc::clone(blocks)).await?;
    let probe = Probe {
        ffprobe,
        input: proxy.input(Some(container)),
        deadline,
    };
    judge(probe.packets_within(index, range).await, &proxy)
}

/// The result of ffprobe, unless the source failed: to ffprobe that looks like a source that ends.
fn judge<T>(found: Result<T, ProbeError>, proxy: &LoopbackProxy) -> Result<T, ProbingError> {
    match proxy.failure() {
        Some(error) => Err(error.into()),
        None => Ok(found?),
    }
}

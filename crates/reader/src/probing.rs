//! Runs ffprobe on a source, through the loopback proxy.

use std::{ops::Range, path::Path, sync::Arc};

use gifgen_probe::{
    Analysis, BEGINNING_BYTES, Found, Input, PacketAt, Probe, ProbeError, encrypted,
    is_scrambled_program_stream, rejection_of,
};
use gifgen_shared::{Deadline, Header, Reason, Rejection};

use crate::{
    block_cache::BlockCache,
    error::ReadError,
    loopback_proxy::{LoopbackProxy, LoopbackProxyError},
};

/// The programs that probe.
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a> {
    /// Path of ffprobe.
    pub ffprobe: &'a Path,
    /// Path of ffmpeg, for files that ffprobe refuses because of a stream that is not rendered.
    pub ffmpeg: &'a Path,
}

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

/// Reasons that are looked into: FFmpeg says the same of many files, and one without a demuxer of still images may take
/// one for sound.
const VAGUE: [Reason; 3] = [
    Reason::Unreadable,
    Reason::EmptyVideo,
    Reason::NoVideoStream,
];

/// The program stream by FFmpeg's name, the container of DVDs.
const PROGRAM_STREAM: &str = "mpeg";

/// Probes the header and the first pictures; see [`Probe::header`].
///
/// # Errors
/// If the source cannot be read, or is no video.
pub async fn header(
    programs: Programs<'_>,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
) -> Result<Header, ProbingError> {
    let proxy = LoopbackProxy::start(Arc::clone(blocks)).await?;
    let probe = programs.probe(proxy.input(None), deadline);
    let mut found = judge(probe.header(Analysis::Usual).await, &proxy);
    if let Ok(Found::OutOfReach(_)) = &found {
        // A scrambled stream has no pictures, however far one looks.
        refuse_by_beginning(blocks).await?;
        found = judge(probe.header(Analysis::Far).await, &proxy);
    }
    match found {
        Ok(Found::Video(header)) => {
            if header.container == PROGRAM_STREAM
                && is_scrambled_program_stream(&blocks.read(0..BEGINNING_BYTES).await?)
            {
                return Err(ProbeError::from(encrypted()).into());
            }
            Ok(header)
        }
        Ok(Found::OutOfReach(rejection)) => Err(ProbeError::from(rejection).into()),
        Err(error) => {
            if reason_of(&error).is_some_and(|reason| VAGUE.contains(&reason)) {
                refuse_by_beginning(blocks).await?;
            }
            Err(error)
        }
    }
}

/// Rejects the source if its first bytes tell what is wrong.
async fn refuse_by_beginning(blocks: &BlockCache) -> Result<(), ProbingError> {
    let beginning = blocks.read(0..BEGINNING_BYTES).await?;
    match rejection_of(&beginning) {
        Some(known) => Err(ProbeError::from(known).into()),
        None => Ok(()),
    }
}

fn reason_of(error: &ProbingError) -> Option<Reason> {
    match error {
        ProbingError::Probe(ProbeError::Rejected(Rejection { reason, .. })) => Some(*reason),
        _ => None,
    }
}

/// The length of the video stream in seconds; see [`Probe::length`].
///
/// # Errors
/// If the source cannot be read, or holds no whole video.
pub async fn length(
    programs: Programs<'_>,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
    header: &Header,
) -> Result<f64, ProbingError> {
    let proxy = LoopbackProxy::start(Arc::clone(blocks)).await?;
    let probe = programs.probe(proxy.input(Some(&header.container)), deadline);
    judge(probe.length(header).await, &proxy)
}

/// The header, and the length by ffprobe.
///
/// # Errors
/// If the source cannot be read, or holds no whole video.
pub async fn measure(
    programs: Programs<'_>,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
) -> Result<(Header, f64), ProbingError> {
    let header = header(programs, blocks, deadline).await?;
    let length = length(programs, blocks, deadline, &header).await?;
    Ok((header, length))
}

/// The packets within `range` of a source in the format `container`, of the stream `index` or of all; see
/// [`Probe::packets_within`].
///
/// # Errors
/// If the source cannot be read, or the time runs out.
pub async fn packets_within(
    programs: Programs<'_>,
    blocks: &Arc<BlockCache>,
    deadline: Deadline,
    container: &str,
    index: Option<u32>,
    range: Range<f64>,
) -> Result<Vec<PacketAt>, ProbingError> {
    let proxy = LoopbackProxy::start(Arc::clone(blocks)).await?;
    let probe = programs.probe(proxy.input(Some(container)), deadline);
    judge(probe.packets_within(index, range).await, &proxy)
}

impl<'a> Programs<'a> {
    fn probe(self, input: Input<'a>, deadline: Deadline) -> Probe<'a> {
        Probe {
            ffprobe: self.ffprobe,
            ffmpeg: self.ffmpeg,
            input,
            deadline,
        }
    }
}

/// The result of ffprobe, unless the source failed: to ffprobe that looks like a source that ends.
fn judge<T>(found: Result<T, ProbeError>, proxy: &LoopbackProxy) -> Result<T, ProbingError> {
    match proxy.failure() {
        Some(error) => Err(error.into()),
        None => Ok(found?),
    }
}

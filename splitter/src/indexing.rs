//! Finds each slice's excerpt in the source's index.

use std::{collections::BTreeMap, sync::Arc};

use gifgen_function::TransientError;
use gifgen_index::{ContainerIndex, IndexError};
use gifgen_ledger::{Excerpts, Run};
use gifgen_probe::encrypted;
use gifgen_reader::{BlockCache, ReadError, Reader};
use gifgen_shared::{Deadline, Rejection, VideoStream, blocking::blocking};
use tokio::time::timeout;

use crate::splitter::Splitter;

/// Reads the index of the stream `video`; `None` if the `container` has none. It takes half of the
/// remaining time at most, because workers can do without it. The video is rejected if the index says
/// that it is encrypted.
pub(crate) async fn index(
    blocks: &Arc<BlockCache>,
    container: &str,
    video: VideoStream,
    deadline: Deadline,
) -> Result<Result<Option<ContainerIndex>, Rejection>, ReadError> {
    let reading = async {
        match ContainerIndex::read(Arc::clone(blocks), container, video).await {
            Ok(index) => Ok(Ok(index)),
            Err(IndexError::Encrypted) => Ok(Err(encrypted())),
            Err(error) => Err(error),
        }
    };
    let read = in_time(blocks.reader(), deadline, reading).await?;
    Ok(read.transpose())
}

/// Length of the video in seconds; `None` if the index does not tell. The container claims `claimed`
/// seconds.
pub(crate) async fn length(
    index: &ContainerIndex,
    claimed: Option<f64>,
    deadline: Deadline,
) -> Result<Option<f64>, ReadError> {
    let finding = async { Ok(index.length(claimed).await?) };
    let told = in_time(index.reader(), deadline, finding).await?;
    Ok(told.flatten())
}

impl Splitter {
    /// The encoded excerpts of the slices of `run`.
    pub(crate) async fn excerpts(
        &self,
        run: &Run,
        index: &ContainerIndex,
        deadline: Deadline,
    ) -> Result<Excerpts, TransientError> {
        let (plan, reader) = (run.plan(), index.reader());
        let found = in_time(reader, deadline, index.excerpts(&plan)).await;
        let Some(found) = found.map_err(TransientError::SourceLost)? else {
            return Ok(Excerpts::new());
        };
        let bytes = run.source.bytes;
        let texts: BTreeMap<u32, String> = blocking(move || {
            let texts = plan.iter().zip(&found).filter_map(|(slice, excerpt)| {
                let excerpt = excerpt.as_ref()?;
                excerpt.check(bytes).ok()?;
                Some((slice.start, excerpt.encode()))
            });
            texts.collect()
        })
        .await;
        let (bucket, key) = (&run.source.bucket, &run.source.key);
        let (bytes_read, requests) = (reader.bytes_read(), reader.requests());
        let slices = texts.len();
        tracing::info!(bucket, %key, slices, bytes_read, requests, "indexed");
        Ok(self.ledger.keep_excerpts(run, texts).await?)
    }
}

/// Awaits `finding` for half of the remaining time at most; `None` if that is too short or nothing is
/// found.
async fn in_time<T>(
    reader: &Reader,
    deadline: Deadline,
    finding: impl Future<Output = Result<T, IndexError>>,
) -> Result<Option<T>, ReadError> {
    let source = reader.source();
    match timeout(deadline.left() / 2, finding).await {
        Ok(Ok(found)) => Ok(Some(found)),
        Ok(Err(IndexError::Read(error))) => Err(error),
        Ok(Err(why)) => {
            tracing::info!(%source, %why, "the source has no index; workers seek");
            Ok(None)
        }
        Err(_) => {
            tracing::warn!(%source, "the index took too long; workers seek");
            Ok(None)
        }
    }
}

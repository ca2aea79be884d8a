//! Which part of the source each slice needs.

use std::{collections::BTreeMap, sync::Arc};

use gifgen_index::index::{Index, IndexError};
use gifgen_ledger::{excerpts::Excerpts, run::Run};
use gifgen_reader::{blocks::Blocks, reader::ReadError};
use gifgen_shared::{blocking::blocking, deadline::Deadline, probe::Header};
use tokio::time::timeout;

use crate::splitter::{SplitError, Splitter};

/// The index of a source whose container is `container`, if it has one. Workers can do without, so
/// half of the time that is left has to do for it.
pub(crate) async fn index(
    blocks: &Arc<Blocks>,
    container: &str,
    deadline: Deadline,
) -> Result<Option<Index>, ReadError> {
    in_time(blocks, deadline, Index::read(blocks, container)).await
}

/// The length of the video in seconds, if the index tells.
pub(crate) async fn length(
    blocks: &Arc<Blocks>,
    index: &Index,
    header: &Header,
    deadline: Deadline,
) -> Result<Option<f64>, ReadError> {
    let finding = index.length(blocks, &header.video, header.claimed_seconds);
    Ok(in_time(blocks, deadline, finding).await?.flatten())
}

impl Splitter {
    /// The excerpts of the slices of `run`, as their events say them.
    pub(crate) async fn excerpts(
        &self,
        run: &Run,
        blocks: &Arc<Blocks>,
        index: &Index,
        deadline: Deadline,
    ) -> Result<Excerpts, SplitError> {
        let plan = run.plan();
        let finding = index.excerpts(blocks, &run.video, &plan);
        let Some(found) = in_time(blocks, deadline, finding).await? else {
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
        let reader = blocks.reader();
        let (bucket, key) = (&run.source.bucket, &run.source.key);
        let (bytes_read, requests) = (reader.bytes_read(), reader.requests());
        let slices = texts.len();
        tracing::info!(bucket, %key, slices, bytes_read, requests, "indexed");
        Ok(self.ledger.keep_excerpts(run, texts).await?)
    }
}

/// What `finding` finds, if it finds something, in half of the time that is left.
async fn in_time<T>(
    blocks: &Blocks,
    deadline: Deadline,
    finding: impl Future<Output = Result<T, IndexError>>,
) -> Result<Option<T>, ReadError> {
    let source = blocks.reader().source();
    match timeout(deadline.left() / 2, finding).await {
        Ok(Ok(found)) => Ok(Some(found)),
        Ok(Err(IndexError::Read(error))) => Err(error),
        Ok(Err(IndexError::None(why))) => {
            tracing::info!(%source, why, "the source has no index; workers seek");
            Ok(None)
        }
        Err(_) => {
            tracing::warn!(%source, "the index took too long; workers seek");
            Ok(None)
        }
    }
}

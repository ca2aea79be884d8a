//! Which part of the source each slice needs.

use std::{collections::BTreeMap, sync::Arc};

use gifgen_index::index::{IndexError, excerpts};
use gifgen_ledger::{excerpts::Excerpts, run::Run};
use gifgen_reader::blocks::Blocks;
use gifgen_shared::{blocking::blocking, deadline::Deadline};
use tokio::time::timeout;

use crate::splitter::{SplitError, Splitter};

impl Splitter {
    /// The excerpts of the slices of `run`, as their events say them. Workers can do without, so half
    /// of the time that is left has to do for them.
    pub(crate) async fn excerpts(
        &self,
        run: &Run,
        blocks: &Arc<Blocks>,
        deadline: Deadline,
    ) -> Result<Excerpts, SplitError> {
        let (bucket, key) = (&run.source.bucket, &run.source.key);
        let plan = run.plan();
        let finding = excerpts(blocks, &run.source.container, &run.video, &plan);
        let found = match timeout(deadline.left() / 2, finding).await {
            Ok(Ok(found)) => found,
            Ok(Err(IndexError::Read(error))) => return Err(error.into()),
            Ok(Err(IndexError::None(why))) => {
                tracing::info!(bucket, %key, why, "the source has no index; workers seek");
                return Ok(Excerpts::new());
            }
            Err(_) => {
                tracing::warn!(bucket, %key, "the index took too long; workers seek");
                return Ok(Excerpts::new());
            }
        };
        let texts: BTreeMap<u32, String> = blocking(move || {
            let texts = plan.iter().zip(&found).filter_map(|(slice, excerpt)| {
                let excerpt = excerpt.as_ref()?;
                Some((slice.start, excerpt.encode()))
            });
            texts.collect()
        })
        .await;
        let reader = blocks.reader();
        let (bytes_read, requests) = (reader.bytes_read(), reader.requests());
        let slices = texts.len();
        tracing::info!(bucket, %key, slices, bytes_read, requests, "indexed");
        Ok(self.ledger.keep_excerpts(run, texts).await?)
    }
}

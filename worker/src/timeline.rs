//! Slices of a film whose times FFmpeg would not find in the source: only excerpts have them.

use std::{slice, sync::Arc};

use gifgen_index::{ContainerIndex, Excerpt, IndexError};
use gifgen_reader::BlockCache;

use crate::{
    error::{JobError, PermanentError},
    job::SliceJob,
};

/// The excerpt of a job that cannot do without. If the event brought none, it is made from the source's index.
///
/// # Errors
/// If there is none; and if the source cannot be read.
pub(crate) async fn only_excerpt(
    job: &SliceJob,
    blocks: &Arc<BlockCache>,
) -> Result<Excerpt, JobError> {
    if let Some(excerpt) = &job.excerpt {
        return Ok(excerpt.clone());
    }
    let missing = || PermanentError::all_damaged(job.slice.slice).into();
    let found = match excerpt(job, blocks).await {
        Ok(found) => found,
        Err(IndexError::Read(error)) => return Err(error.into()),
        Err(error) => {
            let start = job.slice.slice.start;
            tracing::warn!(start, why = %error, "the slice has no excerpt, and cannot do without");
            return Err(missing());
        }
    };
    found.ok_or_else(missing)
}

async fn excerpt(job: &SliceJob, blocks: &Arc<BlockCache>) -> Result<Option<Excerpt>, IndexError> {
    let (container, video) = (&job.container, job.slice.video);
    let index = ContainerIndex::read(Arc::clone(blocks), container, video).await?;
    let index = match &job.timeline {
        Some(timeline) => index.with_timeline(timeline),
        None => index,
    };
    let mut excerpts = index.excerpts(slice::from_ref(&job.slice.slice)).await?;
    Ok(excerpts.next().flatten())
}

//! Finds in the source's index where the pictures of each job are.

use std::{collections::BTreeMap, sync::Arc};

use gifgen_function::TransientError;
use gifgen_index::{ContainerIndex, Excerpt, IndexError, Measured, account_for, plan_sheets};
use gifgen_ledger::{Excerpts, Run};
use gifgen_probe::{ProbeError, encrypted};
use gifgen_reader::{BlockCache, ReadError, Reader, probing::ProbingError};
use gifgen_shared::{
    Deadline, Job, JobId, Overview, Reason, Rejection, Sheet, Slice, VideoStream,
    blocking::blocking,
};
use tokio::time::timeout;

use crate::splitter::Splitter;

/// Excerpts that are encoded together. Each takes some 25 KB until then.
const ENCODED_AT_ONCE: usize = 100;

/// Reads the index of the stream `video`; `None` if the `container` has none. It takes half of the
/// remaining time at most, because workers can do without it. The video is rejected if the index says
/// that it is encrypted, or that only a part of it can be shown.
pub(crate) async fn index(
    blocks: &Arc<BlockCache>,
    container: &str,
    video: VideoStream,
    deadline: Deadline,
) -> Result<Result<Option<ContainerIndex>, Rejection>, ReadError> {
    let reading = ContainerIndex::read(Arc::clone(blocks), container, video);
    match in_time(blocks.reader(), deadline, reading).await {
        Ok(index) => Ok(Ok(index)),
        Err(error) => Ok(Err(rejection(error)?)),
    }
}

/// Length of the video in seconds; `None` if the index does not tell. The container claims `claimed`
/// seconds.
pub(crate) async fn length(
    index: &mut ContainerIndex,
    claimed: Option<f64>,
    deadline: Deadline,
) -> Result<Option<f64>, ProbingError> {
    let reader = Arc::clone(index.reader());
    let told = to_the_end(&reader, deadline, index.length(claimed)).await;
    Ok(told.map_err(rejected)?.flatten())
}

/// The length of a video in seconds, with what is lost of it. Rejects a source in which more follows behind the video
/// that was measured, or less; see [`account_for`].
pub(crate) async fn whole(
    blocks: &BlockCache,
    video: Measured<'_>,
    deadline: Deadline,
) -> Result<f64, ProbingError> {
    let accounting = account_for(blocks, video);
    let accounted = to_the_end(blocks.reader(), deadline, accounting).await;
    let length = accounted.map_err(rejected)?;
    Ok(length.unwrap_or(video.length))
}

/// The rejection for an error of the index that is no lack of one.
fn rejection(error: IndexError) -> Result<Rejection, ReadError> {
    match error {
        IndexError::Read(error) => Err(error),
        IndexError::Encrypted => Ok(encrypted()),
        error => Ok(Rejection::new(Reason::Unreadable, error.to_string())),
    }
}

/// The same as an error of probing.
fn rejected(error: IndexError) -> ProbingError {
    match rejection(error) {
        Ok(rejection) => ProbeError::from(rejection).into(),
        Err(error) => error.into(),
    }
}

impl Splitter {
    /// Where the pictures of `jobs` of `run` are in the source, as far as that is found in time: the excerpts of slices,
    /// and the keyframes of sheets.
    pub(crate) async fn places(
        &self,
        run: &Run,
        blocks: &Arc<BlockCache>,
        index: Option<&ContainerIndex>,
        jobs: &[Job],
        deadline: Deadline,
    ) -> Result<Excerpts, TransientError> {
        let mut texts = BTreeMap::new();
        let slices = jobs.iter().filter_map(|job| match job {
            Job::Slice(slice) => Some(*slice),
            Job::Overview(_) => None,
        });
        let slices: Vec<Slice> = slices.collect();
        let sheets = jobs.iter().filter_map(|job| match job {
            Job::Overview(sheet) => Some(*sheet),
            Job::Slice(_) => None,
        });
        let sheets: Vec<Sheet> = sheets.collect();
        if let Some(index) = index.filter(|_| !slices.is_empty()) {
            texts.extend(excerpts(run, index, &slices, deadline).await?);
        }
        if run.settings.overview == Overview::Keyframes && !sheets.is_empty() {
            texts.extend(sheet_plans(run, blocks, index, &sheets, deadline).await?);
        }
        let reader = blocks.reader();
        let (bucket, key) = (&run.source.bucket, &run.source.key);
        let (bytes_read, requests) = (reader.bytes_read(), reader.requests());
        let jobs = texts.len();
        tracing::info!(bucket, %key, jobs, bytes_read, requests, "indexed");
        Ok(self.ledger.keep_excerpts(run, texts).await?)
    }
}

/// The encoded excerpts of `slices`.
async fn excerpts(
    run: &Run,
    index: &ContainerIndex,
    slices: &[Slice],
    deadline: Deadline,
) -> Result<Texts, TransientError> {
    let found = match in_time(index.reader(), deadline, index.excerpts(slices)).await {
        Ok(Some(found)) => found,
        Err(IndexError::Read(error)) => return Err(TransientError::SourceLost(error)),
        Ok(None) | Err(_) => return Ok(Texts::new()),
    };
    let bytes = run.source.bytes;
    let mut texts = Texts::new();
    let mut found = slices.iter().map(|slice| slice.start).zip(found);
    loop {
        let batch: Vec<(u32, Option<Excerpt>)> = found.by_ref().take(ENCODED_AT_ONCE).collect();
        if batch.is_empty() {
            return Ok(texts);
        }
        let encoded = blocking(move || encoded(batch, bytes)).await;
        texts.extend(
            encoded
                .into_iter()
                .map(|(start, text)| (JobId::Slice(start), text)),
        );
    }
}

/// Where the keyframes of `sheets` are, encoded.
async fn sheet_plans(
    run: &Run,
    blocks: &Arc<BlockCache>,
    index: Option<&ContainerIndex>,
    sheets: &[Sheet],
    deadline: Deadline,
) -> Result<Texts, TransientError> {
    let (container, length) = (&run.source.container, run.source.length);
    let planning = plan_sheets(blocks, container, &run.video, index, length, sheets);
    let plans = match in_time(blocks.reader(), deadline, Box::pin(planning)).await {
        Ok(Some(plans)) => plans,
        Err(IndexError::Read(error)) => return Err(TransientError::SourceLost(error)),
        Ok(None) | Err(_) => return Ok(Texts::new()),
    };
    let plans = sheets.iter().zip(plans);
    let texts =
        plans.filter_map(|(sheet, plan)| Some((JobId::Overview(sheet.index), plan?.encode())));
    Ok(texts.collect())
}

/// Encoded texts by their jobs.
type Texts = BTreeMap<JobId, String>;

/// The texts of excerpts that are valid for a source of `bytes` bytes, by the start of their slices.
fn encoded(excerpts: Vec<(u32, Option<Excerpt>)>, bytes: u64) -> Vec<(u32, String)> {
    let encode = |(start, excerpt): (u32, Option<Excerpt>)| {
        let excerpt = excerpt.filter(|excerpt| excerpt.check(bytes).is_ok())?;
        Some((start, excerpt.encode()))
    };
    excerpts.into_iter().filter_map(encode).collect()
}

/// Awaits `finding` for half of the remaining time at most; `None` if that is too short or nothing is
/// found.
async fn in_time<T>(
    reader: &Reader,
    deadline: Deadline,
    finding: impl Future<Output = Result<T, IndexError>>,
) -> Result<Option<T>, IndexError> {
    let source = reader.source();
    match timeout(deadline.left() / 2, finding).await {
        Ok(found) => if_found(reader, found),
        Err(_) => {
            tracing::warn!(%source, "the index took too long; workers seek");
            Ok(None)
        }
    }
}

/// Awaits `finding` for half of the remaining time at most; `None` if nothing is found. If that is too short, it is an
/// error: the answer may be that the source is not whole.
async fn to_the_end<T>(
    reader: &Reader,
    deadline: Deadline,
    finding: impl Future<Output = Result<T, IndexError>>,
) -> Result<Option<T>, IndexError> {
    match timeout(deadline.left() / 2, finding).await {
        Ok(found) => if_found(reader, found),
        Err(_) => Err(IndexError::Read(ReadError::Interrupted {
            of: reader.source().clone(),
            said: "it took too long to look through it".to_owned(),
        })),
    }
}

fn if_found<T>(reader: &Reader, found: Result<T, IndexError>) -> Result<Option<T>, IndexError> {
    let source = reader.source();
    match found {
        Ok(found) => Ok(Some(found)),
        Err(IndexError::None(why)) => {
            tracing::info!(%source, why, "the source has no index; workers seek");
            Ok(None)
        }
        Err(error @ IndexError::Backwards) => {
            tracing::info!(%source, why = %error, "the source has no index; workers seek");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

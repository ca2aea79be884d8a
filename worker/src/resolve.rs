//! Resolves a slice event: to a slice of a run, and to a job.

use std::sync::Arc;

use gifgen_index::Excerpt;
use gifgen_ledger::{
    Ledger,
    run::{Run, SourceFacts},
};
use gifgen_reader::{BlockCache, Reader, probing::measure};
use gifgen_shared::{
    deadline::Deadline, header::Header, output_keys::OutputKeys, slice::Slice,
    slice_event::SliceEvent, source::Source,
};

use crate::{
    error::{JobError, PermanentError},
    job::{Job, SliceSpec},
    worker::Worker,
};

/// Which run a slice event belongs to.
pub(crate) enum Membership {
    /// It is this slice of this run.
    Of(Box<Run>, Slice),
    /// It belongs to no run: its source has none, and none can begin with it, since it names no
    /// version, or a range that is no slice. It is rendered and gets no receipt. Saved events like
    /// those of the AWS sample are of this kind.
    Untracked,
}

/// Whether a slice event may start a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MayStartRun {
    Yes,
    No,
}

impl Worker {
    /// Finds the run of `event`. If its source has none in this version, a run is started where
    /// `may_start` allows it: tests and scripts send slice events without a splitter. Where it does
    /// not, S3 is not asked for the source, which may be gone.
    ///
    /// # Errors
    /// [`PermanentError::Superseded`] if another run is current; those of S3, the ledger and ffprobe.
    pub(crate) async fn membership(
        &self,
        event: &SliceEvent,
        source: &Source,
        may_start: MayStartRun,
        deadline: Deadline,
    ) -> Result<Membership, JobError> {
        let superseded = || Err(PermanentError::Superseded(source.clone()).into());
        for _ in 0..Ledger::ATTEMPTS {
            let current = self.ledger.current_run(&source.key).await?;
            let before = current.as_ref().map(|(run, _)| run);
            if source.etag.is_none() {
                // It means the current version.
                return match before {
                    None => Ok(Membership::Untracked),
                    Some(run) => slice_from(run, source, event.start),
                };
            }
            if let Some(run) = before
                && run.source() == *source
            {
                // A range that is no slice of it comes from a run with other settings.
                return match run.slice(&event.slice()) {
                    Some(slice) => Ok(Membership::Of(Box::new(run.clone()), slice)),
                    None => superseded(),
                };
            }
            // The splitter decides which of two buckets' videos a key means, not each slice.
            let other = before.map(|run| &run.source.bucket);
            if other.is_some_and(|bucket| *bucket != source.bucket) {
                return superseded();
            }
            if may_start == MayStartRun::No {
                return match before {
                    Some(_) => superseded(),
                    None => Ok(Membership::Untracked),
                };
            }
            let reader = self.sources.open(source).await?;
            let (header, length) = self.measure(&reader, deadline).await?;
            let (facts, video) = SourceFacts::of(reader.pinned(), header, length);
            let run = Run::new(facts, video, self.settings.previews, before);
            let Some(slice) = run.slice(&event.slice()) else {
                return Ok(Membership::Untracked);
            };
            if self.ledger.begin(&run, current.as_ref()).await? {
                return Ok(Membership::Of(Box::new(run), slice));
            }
        }
        Err(self
            .ledger
            .contended(OutputKeys::of(&source.key).run())
            .into())
    }

    /// The job of a slice of `run`.
    pub(crate) fn job(&self, run: &Run, slice: Slice, excerpt: Option<Excerpt>) -> Job {
        Job {
            reader: self.sources.of_run(run),
            container: run.source.container.clone(),
            excerpt,
            slice: SliceSpec {
                slice,
                video: run.video,
                settings: run.settings,
            },
        }
    }

    /// The job of an event that belongs to no run.
    ///
    /// # Errors
    /// If the source cannot be read or is no video, or the slice starts behind its end.
    pub(crate) async fn untracked_job(
        &self,
        event: &SliceEvent,
        source: &Source,
        deadline: Deadline,
    ) -> Result<Job, JobError> {
        let reader = self.sources.open(source).await?;
        let (header, length) = self.measure(&reader, deadline).await?;
        let named = event.slice();
        let slice = named.within(length).ok_or(PermanentError::OutsideVideo {
            start: named.start,
            length,
        })?;
        Ok(Job {
            reader,
            container: header.container,
            excerpt: None,
            slice: SliceSpec {
                slice,
                video: header.video,
                settings: self.settings.previews,
            },
        })
    }

    /// The header and the length in seconds, by the splitter's rule.
    async fn measure(
        &self,
        reader: &Arc<Reader>,
        deadline: Deadline,
    ) -> Result<(Header, f64), JobError> {
        let blocks = BlockCache::new(Arc::clone(reader));
        Ok(measure(&self.renderer.ffprobe, &blocks, deadline).await?)
    }

    /// The excerpt that `event` of `run` carries. An excerpt only makes a slice cheaper, so one that
    /// cannot be read is left out.
    pub(crate) async fn excerpt(&self, run: &Run, event: &SliceEvent) -> Option<Excerpt> {
        let start = event.start;
        let text = self.ledger.excerpt(run, event.excerpt.as_ref()?).await;
        let text = text
            .inspect_err(|error| tracing::warn!(start, %error, "the excerpt is not there"))
            .ok()?;
        Excerpt::decode(&text, run.source.bytes)
            .inspect_err(|error| tracing::warn!(start, %error, "the excerpt makes no sense"))
            .ok()
    }
}

/// The slice of `run` that starts at second `start`, for an event that names no version. Its end is
/// not compared: the AWS sample counts ends otherwise. A range that is no slice is an error, since
/// its objects would overwrite those of the run's slices.
fn slice_from(run: &Run, source: &Source, start: u32) -> Result<Membership, JobError> {
    let mut slices = run.plan().into_iter();
    match slices.find(|slice| slice.start == start) {
        Some(slice) if run.source.bucket == source.bucket => {
            Ok(Membership::Of(Box::new(run.clone()), slice))
        }
        _ => Err(PermanentError::NoSlice {
            of: source.clone(),
            start,
            run: run.run,
        }
        .into()),
    }
}

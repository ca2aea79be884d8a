//! Resolves a slice event: to a slice of a run, and to a job.

use std::sync::Arc;

use gifgen_index::{Excerpt, SheetPlan};
use gifgen_ledger::{Ledger, Run, SourceFacts};
use gifgen_reader::{BlockCache, Reader, probing::measure};
use gifgen_shared::{
    Deadline, ExcerptText, Header, Job, JobEvent, OutputKeys, Overview, PinnedSource,
    PreviewSettings, Sheet, Slice, SliceEvent, Source, job_event::JobName,
};

use crate::{
    error::{JobError, PermanentError},
    job::{SliceJob, SliceSpec},
    overview::SheetJob,
    worker::Worker,
};

/// Which run a slice event belongs to.
pub(crate) enum Membership {
    /// It is this slice of this run.
    Of(Box<Run>, Slice),
    /// It belongs to no run and cannot start one: it names no version, or its range is not a slice. It
    /// is rendered without a receipt, like the events of the AWS sample.
    Untracked,
}

/// Whether a slice event may start a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MayStartRun {
    Yes,
    No,
}

impl Worker {
    /// Finds the run of `event`. If the source has none in this version and `may_start` is `Yes`, starts
    /// one: tests and scripts send slice events without a splitter. If it is `No`, S3 is not asked for
    /// the source, which may be gone.
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
            let is_of_another = |run: &Run| event.run.is_some_and(|number| number != run.run);
            if before.is_some_and(is_of_another) {
                return superseded();
            }
            let Some(etag) = &source.etag else {
                // Without an ETag the event means the current version.
                return match before {
                    None => Ok(Membership::Untracked),
                    Some(run) => slice_from(run, source, event.start),
                };
            };
            if let Some(run) = before
                && run.source() == *source
            {
                // If the range is not a slice of this run, the event comes from a run with other settings.
                return match run.slice(&event.slice()) {
                    Some(slice) => Ok(Membership::Of(Box::new(run.clone()), slice)),
                    None => superseded(),
                };
            }
            // If two source buckets share a key, the splitter decides which run is current, not a worker.
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
            // The event's version, not that of the HEAD: a server that ignores If-Match may answer with another.
            let pinned = PinnedSource::new(source.clone(), etag.clone(), reader.len());
            let (facts, video) = SourceFacts::of(&pinned, header, length);
            // Nobody has sent sheets of an overview.
            let settings = PreviewSettings {
                overview: Overview::None,
                ..self.settings.previews
            };
            let run = Run::new(facts, video, settings, before);
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

    /// The job of a sheet of `run`.
    pub(crate) fn sheet_job(&self, run: &Run, sheet: Sheet, plan: Option<SheetPlan>) -> SheetJob {
        SheetJob {
            reader: self.sources.of_run(run),
            container: run.source.container.clone(),
            codec: run.source.codec.clone(),
            plan,
            timeline: run.source.timeline.clone(),
            video: run.video,
            settings: run.settings,
            length: run.source.length,
            sheet,
        }
    }

    /// The job of a slice of `run`.
    pub(crate) fn job(&self, run: &Run, slice: Slice, excerpt: Option<Excerpt>) -> SliceJob {
        SliceJob {
            reader: self.sources.of_run(run),
            container: run.source.container.clone(),
            codec: run.source.codec.clone(),
            excerpt,
            timeline: run.source.timeline.clone(),
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
    ) -> Result<SliceJob, JobError> {
        if !self.settings.previews.wants_slices() {
            return Err(PermanentError::NothingWanted.into());
        }
        let reader = self.sources.open(source).await?;
        let (header, length) = self.measure(&reader, deadline).await?;
        let named = event.slice();
        let slice = named.within(length).ok_or(PermanentError::OutsideVideo {
            start: named.start,
            length,
        })?;
        Ok(SliceJob {
            reader,
            container: header.container,
            codec: header.codec,
            excerpt: None,
            timeline: None,
            slice: SliceSpec {
                slice,
                video: header.video,
                settings: self.settings.previews,
            },
        })
    }

    /// The header, and the length in seconds as ffprobe measures it. The splitter prefers the index's.
    async fn measure(
        &self,
        reader: &Arc<Reader>,
        deadline: Deadline,
    ) -> Result<(Header, f64), JobError> {
        let blocks = BlockCache::new(Arc::clone(reader));
        Ok(measure(self.renderer.programs(), &blocks, deadline).await?)
    }

    /// The excerpt of `slice`, which its event carries or names. An excerpt only makes a slice cheaper, so one that
    /// cannot be read is left out.
    pub(crate) async fn excerpt(
        &self,
        run: &Run,
        slice: Slice,
        named: Option<&ExcerptText>,
    ) -> Option<Excerpt> {
        let start = slice.start;
        let text = self.ledger.excerpt(run, named?).await;
        let text = text
            .inspect_err(|error| tracing::warn!(start, %error, "the excerpt is not there"))
            .ok()?;
        Excerpt::decode(&text, run.source.bytes)
            .inspect_err(|error| tracing::warn!(start, %error, "the excerpt makes no sense"))
            .ok()
    }

    /// Where the keyframes of `sheet` are, as its event says. Without it the worker asks the source.
    pub(crate) async fn sheet_plan(
        &self,
        run: &Run,
        sheet: Sheet,
        named: Option<&ExcerptText>,
    ) -> Option<SheetPlan> {
        let sheet = sheet.index;
        let text = self.ledger.excerpt(run, named?).await;
        let text = text
            .inspect_err(|error| tracing::warn!(sheet, %error, "the plan is not there"))
            .ok()?;
        SheetPlan::decode(&text, run.source.bytes)
            .inspect_err(|error| tracing::warn!(sheet, %error, "the plan makes no sense"))
            .ok()
    }

    /// The job that `event` names, and its run. `None` if the video has no run.
    ///
    /// # Errors
    /// [`PermanentError::Superseded`] if another run is current; if it has no such job; those of the ledger.
    pub(crate) async fn job_of_run(
        &self,
        event: &JobEvent,
    ) -> Result<Option<(Run, Job)>, JobError> {
        let source = event.source();
        let Some((run, _)) = self.ledger.current_run(&source.key).await? else {
            return Ok(None);
        };
        let is_other_version = source
            .etag
            .as_ref()
            .is_some_and(|etag| *etag != run.source.etag);
        let is_other_run = event.run.is_some_and(|number| number != run.run);
        if run.source.bucket != source.bucket || is_other_version || is_other_run {
            return Err(PermanentError::Superseded(source).into());
        }
        match named(&event.job, run.jobs()) {
            Some(job) => Ok(Some((run, job))),
            None => Err(no_job(source, &event.job)),
        }
    }

    /// The sheet that an event names of a video that has no run.
    ///
    /// # Errors
    /// If the source cannot be read or is no video, or its overview has no such sheet.
    pub(crate) async fn untracked_sheet(
        &self,
        event: &JobEvent,
        deadline: Deadline,
    ) -> Result<SheetJob, JobError> {
        let source = event.source();
        let reader = self.sources.open(&source).await?;
        let (header, length) = self.measure(&reader, deadline).await?;
        let settings = self.settings.previews;
        let sheets = settings.sheets(length).into_iter().map(Job::Overview);
        let Some(Job::Overview(sheet)) = named(&event.job, sheets) else {
            return Err(no_job(source, &event.job));
        };
        Ok(SheetJob {
            reader,
            container: header.container,
            codec: header.codec,
            plan: None,
            timeline: None,
            video: header.video,
            settings,
            length,
            sheet,
        })
    }
}

/// The one of `jobs` that has this name.
fn named(name: &JobName, jobs: impl IntoIterator<Item = Job>) -> Option<Job> {
    let is_named = |job: &Job| job.id().kind() == name.kind && job.index() == name.index;
    jobs.into_iter().find(is_named)
}

fn no_job(of: Source, name: &JobName) -> JobError {
    let index = name.index;
    PermanentError::NoJob { of, index }.into()
}

/// The slice of `run` that starts at second `start`, for an event that names no version. The end is not
/// compared, because the AWS sample computes it differently. A start that no slice has is an error: its
/// objects would overwrite those of other slices.
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

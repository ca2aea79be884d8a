//! Renders a job. FFmpeg reads an excerpt from a pipe, or seeks in the source through the loopback proxy.
//!
//! An excerpt only makes rendering cheaper. If rendering from it fails because of the pictures, the
//! job is rendered by seeking, and the result of that counts.

use std::{num::NonZero, path::PathBuf, sync::Arc, time::Duration};

use gifgen_function::TransientError;
use gifgen_reader::{BlockCache, probing::Programs};
use gifgen_shared::{Deadline, WorkDir};

use crate::{
    attempts::{Attempts, Origin},
    error::{JobError, PermanentError},
    ffmpeg_run::{FfmpegError, Files},
    job::SliceJob,
    outputs::Outputs,
    product::Product,
    timeline::only_excerpt,
};

/// Renders jobs with FFmpeg, in work directories of its own.
#[derive(Debug)]
pub(crate) struct Renderer {
    pub ffmpeg: PathBuf,
    pub ffprobe: PathBuf,
    /// Threads that decode.
    pub threads: NonZero<u32>,
    /// Parent of the work directories.
    pub temporary: PathBuf,
}

/// The files of a job, all of them checked.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub outputs: Outputs,
    /// Encoding time of the GIF, which overlaps with FFmpeg's run.
    pub gif_time: Duration,
    /// Whether it was rendered from the excerpt.
    pub by_excerpt: bool,
    work_dir: WorkDir,
}

impl Rendered {
    /// Removes the files.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub(crate) fn remove(self) -> Result<(), TransientError> {
        remove(self.work_dir)
    }
}

impl Renderer {
    /// The programs that probe.
    pub(crate) fn programs(&self) -> Programs<'_> {
        Programs {
            ffprobe: &self.ffprobe,
            ffmpeg: &self.ffmpeg,
        }
    }

    /// Renders `job` until `deadline`.
    ///
    /// # Errors
    /// Permanent if the source is damaged or cannot be decoded; transient if FFmpeg, the source or
    /// the disk fails.
    pub(crate) async fn render(
        &self,
        job: &SliceJob,
        deadline: Deadline,
    ) -> Result<Rendered, JobError> {
        let work_dir =
            WorkDir::create(&self.temporary).map_err(|source| TransientError::WorkDir {
                action: "make",
                source,
            })?;
        let attempts = Attempts {
            renderer: self,
            job,
            product: Product::Previews,
            blocks: &BlockCache::new(Arc::clone(&job.reader)),
            directory: work_dir.path(),
            deadline,
        };
        match excerpt_or_seek(attempts).await {
            Ok((files, by_excerpt)) => Ok(Rendered {
                outputs: files.outputs,
                gif_time: files.encoding.total(),
                by_excerpt,
                work_dir,
            }),
            Err(error) => {
                remove(work_dir)?;
                Err(error)
            }
        }
    }
}

/// Renders by the job's excerpt, or else by seeking. Also says whether it was by the excerpt.
pub(crate) async fn excerpt_or_seek(attempts: Attempts<'_>) -> Result<(Files, bool), JobError> {
    let job = attempts.job;
    if job.timeline.is_some() {
        // FFmpeg would seek to other pictures.
        let excerpt = Box::pin(only_excerpt(job, attempts.blocks)).await?;
        return match Box::pin(attempts.render(Origin::Excerpt(&excerpt))).await {
            Ok(files) => Ok((files, true)),
            Err(FfmpegError::Failed(error)) => Err(error),
            Err(FfmpegError::StartsTooLate) => {
                Err(PermanentError::all_damaged(job.slice.slice).into())
            }
        };
    }
    let mut damage = None;
    if let Some(excerpt) = &job.excerpt {
        let why = match Box::pin(attempts.render(Origin::Excerpt(excerpt))).await {
            Ok(files) => return Ok((files, true)),
            Err(FfmpegError::Failed(JobError::Permanent(error))) if error.is_of_the_pictures() => {
                let why = error.to_string();
                damage =
                    Some(error).filter(|error| matches!(error, PermanentError::Damaged { .. }));
                why
            }
            Err(FfmpegError::Failed(error)) => return Err(error),
            Err(FfmpegError::StartsTooLate) => "it starts too late".into(),
        };
        let start = job.slice.slice.start;
        tracing::warn!(start, why, "the slice is rendered without its excerpt");
    }
    match (Box::pin(attempts.by_seeking()).await, damage) {
        // The excerpt tells where the damage is.
        (Err(JobError::Permanent(PermanentError::Undecodable { .. })), Some(damage)) => {
            Err(damage.into())
        }
        (files, _) => Ok((files?, false)),
    }
}

pub(crate) fn remove(work_dir: WorkDir) -> Result<(), TransientError> {
    work_dir.remove().map_err(|source| TransientError::WorkDir {
        action: "remove",
        source,
    })
}

#[cfg(test)]
mod tests;

//! Renders a job. FFmpeg reads an excerpt from a pipe, or seeks in the source through the loopback proxy.
//!
//! An excerpt only makes rendering cheaper. If rendering from it fails because of the pictures, the
//! job is rendered by seeking, and the result of that counts.

use std::{num::NonZero, path::Path, path::PathBuf, pin::pin, sync::Arc, time::Duration};

use gifgen_function::TransientError;
use gifgen_index::{Excerpt, FeedError, feed, pipe};
use gifgen_probe::Input;
use gifgen_reader::{BlockCache, LoopbackProxy, probing::packet_times};
use gifgen_shared::{Deadline, Decode, WorkDir};

use crate::{
    decoded::gap_with_a_packet,
    error::{JobError, PermanentError},
    ffmpeg_args::Rendering,
    ffmpeg_run::{FfmpegError, FfmpegResult, run_ffmpeg},
    job::Job,
    outputs::Outputs,
    timeline::{all_damaged, only_excerpt},
};

/// The next seek margins, in seconds, if a seek landed too late. FFmpeg seeks by dts, so 5 s often
/// suffice; then 60 s; then the beginning.
const FURTHER_BACK: [u32; 3] = [5, 60, u32::MAX];

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
    /// Renders `job` until `deadline`.
    ///
    /// # Errors
    /// Permanent if the source is damaged or cannot be decoded; transient if FFmpeg, the source or
    /// the disk fails.
    pub(crate) async fn render(&self, job: &Job, deadline: Deadline) -> Result<Rendered, JobError> {
        let work_dir =
            WorkDir::create(&self.temporary).map_err(|source| TransientError::WorkDir {
                action: "make",
                source,
            })?;
        match self.excerpt_or_seek(job, work_dir.path(), deadline).await {
            Ok((result, by_excerpt)) => Ok(Rendered {
                outputs: result.outputs,
                gif_time: result.encoding.total(),
                by_excerpt,
                work_dir,
            }),
            Err(error) => {
                remove(work_dir)?;
                Err(error)
            }
        }
    }

    async fn excerpt_or_seek(
        &self,
        job: &Job,
        directory: &Path,
        deadline: Deadline,
    ) -> Result<(FfmpegResult, bool), JobError> {
        let blocks = BlockCache::new(Arc::clone(&job.reader));
        if job.timeline.is_some() {
            // FFmpeg would seek to other pictures.
            let excerpt = only_excerpt(job, &blocks).await?;
            let by_excerpt = self.by_excerpt(job, &excerpt, &blocks, directory, deadline);
            return match by_excerpt.await {
                Ok(result) => Ok((result, true)),
                Err(FfmpegError::Failed(error)) => Err(error),
                Err(FfmpegError::StartsTooLate) => Err(all_damaged(job).into()),
            };
        }
        if let Some(excerpt) = &job.excerpt {
            let by_excerpt = self.by_excerpt(job, excerpt, &blocks, directory, deadline);
            let why = match by_excerpt.await {
                Ok(result) => return Ok((result, true)),
                Err(FfmpegError::Failed(JobError::Permanent(error)))
                    if error.is_of_the_pictures() =>
                {
                    error.to_string()
                }
                Err(FfmpegError::Failed(error)) => return Err(error),
                Err(FfmpegError::StartsTooLate) => "it starts too late".into(),
            };
            let start = job.slice.slice.start;
            tracing::warn!(start, why, "the slice is rendered without its excerpt");
        }
        let result = self.by_seeking(job, &blocks, directory, deadline).await?;
        Ok((result, false))
    }

    async fn by_excerpt(
        &self,
        job: &Job,
        excerpt: &Excerpt,
        blocks: &Arc<BlockCache>,
        directory: &Path,
        deadline: Deadline,
    ) -> Result<FfmpegResult, FfmpegError> {
        if let Some((from, to)) = excerpt.lost_in(&job.slice.slice) {
            return Err(JobError::from(PermanentError::Damaged { from, to }).into());
        }
        let demuxer = excerpt.demuxer.name();
        let rendering = Rendering {
            input: Input::Pipe { demuxer },
            stream: excerpt.stream,
            seek_margin: None,
            threads: self.threads,
            spec: &job.slice,
        };
        let (sender, stdin) = pipe().map_err(TransientError::Pipe)?;
        let running = run_ffmpeg(&rendering, Some(stdin), &self.ffmpeg, directory, deadline);
        let mut running = pin!(running);
        let mut feeding = pin!(feed(excerpt, &job.reader, sender));
        let mut fed = None;
        let result = loop {
            tokio::select! {
                // Polled first: if feeding fails, that is the cause of FFmpeg's failure.
                biased;
                done = &mut feeding, if fed.is_none() => fed = Some(done),
                result = &mut running => break result,
            }
        };
        // It has ended by now, or does at its next write. It watches what it feeds until then.
        if excerpt.packets.is_some() && result.is_ok() && fed.is_none() {
            fed = Some(feeding.await);
        }
        // FFmpeg cannot tell a source that breaks off from one that ends.
        match fed {
            Some(Err(FeedError::NewClock { offset })) => {
                return Err(JobError::from(PermanentError::NewClock { offset }).into());
            }
            Some(Err(FeedError::NoKeyframe)) => return Err(FfmpegError::StartsTooLate),
            Some(Err(FeedError::Read(error))) => return Err(JobError::from(error).into()),
            Some(Err(FeedError::Pipe(error))) => return Err(TransientError::Pipe(error).into()),
            Some(Ok(())) | None => {}
        }
        let result = result?;
        self.check_gaps(job, blocks, &result, deadline).await?;
        Ok(result)
    }

    /// Renders, and seeks further back as long as the first picture comes too late.
    async fn by_seeking(
        &self,
        job: &Job,
        blocks: &Arc<BlockCache>,
        directory: &Path,
        deadline: Deadline,
    ) -> Result<FfmpegResult, JobError> {
        let video = job.slice.video;
        let mut margin = video.seek_margin;
        let mut further_back = FURTHER_BACK.into_iter();
        loop {
            let proxy = LoopbackProxy::start(Arc::clone(blocks)).await;
            let proxy = proxy.map_err(TransientError::LoopbackProxy)?;
            let rendering = Rendering {
                input: proxy.input(Some(&job.container)),
                stream: video.index,
                seek_margin: Some(margin),
                threads: self.threads,
                spec: &job.slice,
            };
            let result = run_ffmpeg(&rendering, None, &self.ffmpeg, directory, deadline).await;
            if let Some(error) = proxy.failure() {
                return Err(error.into());
            }
            match result {
                Ok(result) => {
                    self.check_gaps(job, blocks, &result, deadline).await?;
                    return Ok(result);
                }
                Err(FfmpegError::Failed(error)) => return Err(error),
                Err(FfmpegError::StartsTooLate) => {
                    let further = further_back.find(|further| *further > margin);
                    margin = further.unwrap_or(u32::MAX);
                }
            }
        }
    }

    /// Fails if pictures are missing in a gap between decoded pictures: FFmpeg logged errors, or the
    /// container has packets there.
    async fn check_gaps(
        &self,
        job: &Job,
        blocks: &Arc<BlockCache>,
        result: &FfmpegResult,
        deadline: Deadline,
    ) -> Result<(), JobError> {
        let (video, slice) = (job.slice.video, job.slice.slice);
        let gaps = result.decoded.gaps(&slice);
        let (Some(first), Some(last)) = (gaps.first(), gaps.last()) else {
            return Ok(());
        };
        let missing = if result.complained {
            Some(first.clone())
        } else if job.slice.settings.decode == Decode::Fast || job.timeline.is_some() {
            // Fast decoding leaves pictures out. FFmpeg does not find the film's times in the source; the
            // excerpt has told what is lost.
            None
        } else {
            let zero = video.start_time + f64::from(slice.start);
            let range = zero + first.start..zero + last.end;
            let (ffprobe, container) = (&self.ffprobe, &job.container);
            let times =
                packet_times(ffprobe, blocks, deadline, container, video.index, range).await?;
            let times: Vec<f64> = times.iter().map(|time| time - zero).collect();
            gap_with_a_packet(&gaps, &times)
        };
        match missing {
            None => Ok(()),
            Some(gap) => {
                let zero = f64::from(slice.start);
                let (from, to) = (zero + gap.start, zero + gap.end);
                Err(PermanentError::Damaged { from, to }.into())
            }
        }
    }
}

fn remove(work_dir: WorkDir) -> Result<(), TransientError> {
    work_dir.remove().map_err(|source| TransientError::WorkDir {
        action: "remove",
        source,
    })
}

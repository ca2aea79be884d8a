//! Runs FFmpeg once, on an excerpt or on the source itself.

use std::{num::NonZero, pin::pin, sync::Arc};

use gifgen_function::TransientError;
use gifgen_index::{Excerpt, FeedError, feed, pipe};
use gifgen_probe::{Input, LoggedPicture};
use gifgen_reader::LoopbackProxy;
use tokio::net::unix::pipe::Sender;

use super::{Attempts, ONE_THREAD, Origin};
use crate::{
    error::{JobError, PermanentError},
    ffmpeg_args::Rendering,
    ffmpeg_run::{FfmpegError, Ran, run_ffmpeg},
    frame_numbers::frame_numbers_skip,
    inspection::inspect,
    launch::Launch,
    repairs::Repairs,
};

impl Attempts<'_> {
    /// Renders once.
    pub(super) async fn run(
        &self,
        origin: Origin<'_>,
        threads: NonZero<u32>,
        repairs: &Repairs,
    ) -> Result<Ran, FfmpegError> {
        self.launch(origin, threads, repairs, run_ffmpeg).await
    }

    /// Decodes once, to list the pictures.
    pub(super) async fn inspect(
        &self,
        origin: Origin<'_>,
        strict: bool,
    ) -> Result<Vec<LoggedPicture>, FfmpegError> {
        let inspect = async |launch: Launch<'_>| inspect(launch, strict).await;
        self.launch(origin, ONE_THREAD, &Repairs::default(), inspect)
            .await
    }

    /// Whether the numbers of H.264's pictures skip up to second `until` after the slice's start, or in an excerpt.
    pub(super) async fn frame_numbers_skip(
        &self,
        origin: Origin<'_>,
        until: f64,
    ) -> Result<bool, FfmpegError> {
        let read = async |launch: Launch<'_>| frame_numbers_skip(launch, until).await;
        self.launch(origin, ONE_THREAD, &Repairs::default(), read)
            .await
    }

    /// The result of `run`, which reads from `origin`.
    async fn launch<T>(
        &self,
        origin: Origin<'_>,
        threads: NonZero<u32>,
        repairs: &Repairs,
        run: impl AsyncFnOnce(Launch<'_>) -> Result<T, JobError>,
    ) -> Result<T, FfmpegError> {
        let launch = |rendering, stdin| Launch {
            rendering,
            stdin,
            ffmpeg: &self.renderer.ffmpeg,
            directory: self.directory,
            deadline: self.deadline,
        };
        match origin {
            Origin::Excerpt(excerpt) => {
                let (sender, stdin) = pipe().map_err(TransientError::Pipe)?;
                let rendering = self.by_excerpt(excerpt, threads, repairs);
                let running = run(launch(rendering, Some(stdin)));
                self.fed(excerpt, sender, running).await
            }
            Origin::Seek(margin) => {
                let proxy = self.proxy().await?;
                let rendering = self.sought(&proxy, margin, threads, repairs);
                let result = run(launch(rendering, None)).await;
                served(&proxy, result)
            }
        }
    }

    fn by_excerpt<'b>(
        &'b self,
        excerpt: &Excerpt,
        threads: NonZero<u32>,
        repairs: &'b Repairs,
    ) -> Rendering<'b> {
        Rendering {
            input: Input::Pipe {
                demuxer: excerpt.demuxer.name(),
            },
            stream: excerpt.stream,
            seek_margin: None,
            threads,
            codec: &self.job.codec,
            spec: &self.job.slice,
            product: self.product,
            repairs,
        }
    }

    fn sought<'b>(
        &'b self,
        proxy: &'b LoopbackProxy,
        margin: u32,
        threads: NonZero<u32>,
        repairs: &'b Repairs,
    ) -> Rendering<'b> {
        Rendering {
            input: proxy.input(Some(&self.job.container)),
            stream: self.job.slice.video.index,
            seek_margin: Some(margin),
            threads,
            codec: &self.job.codec,
            spec: &self.job.slice,
            product: self.product,
            repairs,
        }
    }

    async fn proxy(&self) -> Result<LoopbackProxy, TransientError> {
        let proxy = LoopbackProxy::start(Arc::clone(self.blocks)).await;
        proxy.map_err(TransientError::LoopbackProxy)
    }

    /// The result of FFmpeg, `running`, while it is fed with `excerpt`.
    async fn fed<T>(
        &self,
        excerpt: &Excerpt,
        sender: Sender,
        running: impl Future<Output = Result<T, JobError>>,
    ) -> Result<T, FfmpegError> {
        let mut running = pin!(running);
        let mut feeding = pin!(feed(excerpt, &self.job.reader, sender));
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
                Err(PermanentError::NewClock { offset }.into())
            }
            Some(Err(FeedError::NoKeyframe)) => Err(FfmpegError::StartsTooLate),
            Some(Err(FeedError::Read(error))) => Err(JobError::from(error).into()),
            Some(Err(FeedError::Pipe(error))) => Err(TransientError::Pipe(error).into()),
            Some(Ok(())) | None => Ok(result?),
        }
    }
}

/// The result of FFmpeg, unless the source failed: to FFmpeg that looks like a source that ends.
fn served<T>(proxy: &LoopbackProxy, result: Result<T, JobError>) -> Result<T, FfmpegError> {
    match proxy.failure() {
        Some(error) => Err(JobError::from(error).into()),
        None => Ok(result?),
    }
}

//! The ways in which FFmpeg gets a slice's part of the source: as an excerpt through a pipe, or else
//! by seeking for itself, through the gateway.
//!
//! An excerpt only makes it cheaper. Where it does not serve, whatever the reason, the slice is
//! rendered the other way, and what that finds is the answer.

use std::{path::Path, pin::pin, sync::Arc};

use gifgen_index::{
    excerpt::Excerpt,
    feed::{FeedError, feed, pipe},
};
use gifgen_ledger::run::Run;
use gifgen_probe::{Input, ProbeError};
use gifgen_reader::{
    block_cache::BlockCache,
    loopback_proxy::LoopbackProxy,
    probing::{ProbingError, measure, packet_times},
    reader::{ReadError, Reader},
};
use gifgen_shared::{
    deadline::Deadline,
    header::Header,
    preview_settings::Decode,
    rejection::Rejection,
    slice_event::SliceEvent,
    source::{Source, SourceState},
};

use crate::{
    decoded::gap_with_a_packet,
    error::{PermanentError, SliceError, TransientError},
    ffmpeg_args::Rendering,
    render::{RenderError, Rendered, render},
    slice_work::Wanted,
    worker::Worker,
};

/// Seconds by which a seek that landed too late goes further back: a little, since FFmpeg seeks to
/// when a keyframe is decoded, not to when it is shown; a minute; then to the beginning.
const FURTHER_BACK: [u32; 3] = [5, 60, u32::MAX];

impl Worker {
    /// What reads `source` in the version that it names, or in the one that is there.
    ///
    /// # Errors
    /// If it is gone, or another version is there.
    pub(crate) async fn reader(&self, source: &Source) -> Result<Arc<Reader>, SliceError> {
        match source.state(&self.s3).await? {
            SourceState::Present { etag, bytes } => {
                let (http, s3) = (self.http.clone(), self.s3.clone());
                let expiry = self.settings.url_expiry;
                Ok(Reader::new(http, s3, source, &etag, bytes, expiry))
            }
            SourceState::Archived { .. } => {
                Err(PermanentError::Rejected(Rejection::archived()).into())
            }
            SourceState::Replaced => Err(PermanentError::Superseded(source.clone()).into()),
            SourceState::Gone => Err(PermanentError::SourceGone(source.clone()).into()),
        }
    }

    /// The excerpt that `event` of `run` brings along, if it brings one that makes sense.
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

    /// Probes by the splitter's rule.
    pub(crate) async fn measure(
        &self,
        reader: &Arc<Reader>,
        deadline: Deadline,
    ) -> Result<(Header, f64), SliceError> {
        let blocks = BlockCache::new(Arc::clone(reader));
        Ok(measure(&self.settings.ffprobe, &blocks, deadline).await?)
    }

    /// Renders into `directory`, and says whether by the excerpt.
    pub(crate) async fn rendered(
        &self,
        wanted: &Wanted<'_>,
        directory: &Path,
    ) -> Result<(Rendered, bool), SliceError> {
        let rendered = self.by_either_way(wanted, directory).await;
        match rendered {
            Err(SliceError::Transient(lost @ TransientError::SourceLost(_))) => {
                Err(self.why_lost(wanted.source, lost).await)
            }
            rendered => rendered,
        }
    }

    /// Why `source` could not be read: for good, if it has been archived since it was split.
    async fn why_lost(&self, source: &Source, lost: TransientError) -> SliceError {
        match source.state(&self.s3).await {
            Ok(SourceState::Archived { .. }) => {
                PermanentError::Rejected(Rejection::archived()).into()
            }
            _ => lost.into(),
        }
    }

    async fn by_either_way(
        &self,
        wanted: &Wanted<'_>,
        directory: &Path,
    ) -> Result<(Rendered, bool), SliceError> {
        let blocks = BlockCache::new(Arc::clone(wanted.reader));
        if let Some(excerpt) = wanted.excerpt {
            let why = match self.by_excerpt(wanted, excerpt, &blocks, directory).await {
                Ok(rendered) => return Ok((rendered, true)),
                Err(RenderError::Failed(SliceError::Permanent(error)))
                    if error.is_of_the_pictures() =>
                {
                    error.to_string()
                }
                Err(RenderError::Failed(error)) => return Err(error),
                Err(RenderError::StartsTooLate) => "it starts too late".into(),
            };
            let start = wanted.slice.start;
            tracing::warn!(start, why, "the slice is rendered without its excerpt");
        }
        let rendered = self.through_gateway(wanted, &blocks, directory).await?;
        Ok((rendered, false))
    }

    async fn by_excerpt(
        &self,
        wanted: &Wanted<'_>,
        excerpt: &Excerpt,
        blocks: &Arc<BlockCache>,
        directory: &Path,
    ) -> Result<Rendered, RenderError> {
        let demuxer = excerpt.demuxer.name();
        let input = Input::Pipe { demuxer };
        let rendering = self.rendering(wanted, input, excerpt.stream, None);
        let (sender, stdin) = pipe().map_err(TransientError::Pipe)?;
        let (ffmpeg, deadline) = (&self.settings.ffmpeg, wanted.deadline);
        let mut rendered = pin!(render(&rendering, Some(stdin), ffmpeg, directory, deadline));
        let mut feeding = pin!(feed(excerpt, wanted.reader, sender));
        let mut fed = None;
        let rendered = loop {
            tokio::select! {
                // Before all else it counts whether FFmpeg got all that it was to get.
                biased;
                done = &mut feeding, if fed.is_none() => fed = Some(done),
                rendered = &mut rendered => break rendered,
            }
        };
        // To FFmpeg a source that cannot be read looks like one that ends.
        match fed {
            Some(Err(FeedError::NoKeyframe)) => return Err(RenderError::StartsTooLate),
            Some(Err(FeedError::Read(error))) => return Err(SliceError::from(error).into()),
            Some(Err(FeedError::Pipe(error))) => return Err(TransientError::Pipe(error).into()),
            Some(Ok(())) | None => {}
        }
        let rendered = rendered?;
        self.check_gaps(wanted, blocks, &rendered).await?;
        Ok(rendered)
    }

    /// Renders, seeking further back as long as that is needed.
    async fn through_gateway(
        &self,
        wanted: &Wanted<'_>,
        blocks: &Arc<BlockCache>,
        directory: &Path,
    ) -> Result<Rendered, SliceError> {
        let mut margin = wanted.video.seek_margin;
        let mut further_back = FURTHER_BACK.into_iter();
        loop {
            let gateway = LoopbackProxy::start(Arc::clone(blocks)).await;
            let gateway = gateway.map_err(TransientError::LoopbackProxy)?;
            let input = gateway.input(Some(wanted.container));
            let rendering = self.rendering(wanted, input, wanted.video.index, Some(margin));
            let (ffmpeg, deadline) = (&self.settings.ffmpeg, wanted.deadline);
            let rendered = render(&rendering, None, ffmpeg, directory, deadline).await;
            if let Some(error) = gateway.failure() {
                return Err(error.into());
            }
            match rendered {
                Ok(rendered) => {
                    self.check_gaps(wanted, blocks, &rendered).await?;
                    return Ok(rendered);
                }
                Err(RenderError::Failed(error)) => return Err(error),
                Err(RenderError::StartsTooLate) => {
                    let further = further_back.find(|further| *further > margin);
                    margin = further.unwrap_or(u32::MAX);
                }
            }
        }
    }

    fn rendering<'a>(
        &self,
        wanted: &'a Wanted<'_>,
        input: Input<'a>,
        stream: u32,
        seek_margin: Option<u32>,
    ) -> Rendering<'a> {
        Rendering {
            input,
            stream,
            video: wanted.video,
            slice: wanted.slice,
            look: wanted.look,
            threads: self.threads,
            seek_margin,
        }
    }

    /// Makes sure that no picture is missing where none was decoded for long: that the container
    /// has none there, and that FFmpeg had no trouble reading it.
    async fn check_gaps(
        &self,
        wanted: &Wanted<'_>,
        blocks: &Arc<BlockCache>,
        rendered: &Rendered,
    ) -> Result<(), SliceError> {
        let (video, slice) = (wanted.video, wanted.slice);
        let gaps = rendered.decoded.gaps(&slice);
        let (Some(first), Some(last)) = (gaps.first(), gaps.last()) else {
            return Ok(());
        };
        let missing = if rendered.complained {
            Some(first.clone())
        } else if wanted.look.decode == Decode::Fast {
            // Packets without pictures are what was asked for.
            None
        } else {
            let zero = video.start_time + f64::from(slice.start);
            let range = zero + first.start..zero + last.end;
            let (ffprobe, deadline) = (&self.settings.ffprobe, wanted.deadline);
            let container = wanted.container;
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

impl From<ReadError> for SliceError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Replaced(source) => PermanentError::Superseded(source).into(),
            ReadError::Gone(source) => PermanentError::SourceGone(source).into(),
            error @ ReadError::Interrupted { .. } => TransientError::SourceLost(error).into(),
        }
    }
}

impl From<ProbingError> for SliceError {
    fn from(error: ProbingError) -> Self {
        match error {
            ProbingError::Read(error) => error.into(),
            ProbingError::LoopbackProxy(error) => TransientError::LoopbackProxy(error).into(),
            ProbingError::Probe(ProbeError::Rejected(rejection)) => {
                PermanentError::Rejected(rejection).into()
            }
            ProbingError::Probe(ProbeError::Child(error)) => TransientError::Child(error).into(),
            ProbingError::Probe(error @ ProbeError::Interrupted { .. }) => {
                TransientError::Probe(error).into()
            }
        }
    }
}

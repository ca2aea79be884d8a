//! Measures a source or rejects it.

use std::{sync::Arc, time::Duration};

use gifgen_function::TransientError;
use gifgen_index::ContainerIndex;
use gifgen_ledger::SourceFacts;
use gifgen_probe::ProbeError;
use gifgen_reader::{
    BlockCache, Reader,
    probing::{ProbingError, Programs, header, length},
};
use gifgen_shared::{Deadline, Header, PinnedSource, Reason, Rejection, VideoStream};

use crate::{
    indexing::{self, index},
    splitter::Splitter,
};

/// What the splitter knows about a source that can be rendered.
pub(crate) struct Measured {
    pub facts: SourceFacts,
    pub video: VideoStream,
    /// `None` if the container has no index.
    pub index: Option<ContainerIndex>,
}

impl Splitter {
    /// The cache through which all reads of the source go.
    pub(crate) fn block_cache(&self, source: PinnedSource) -> Arc<BlockCache> {
        let (http, s3) = (self.http.clone(), self.s3.clone());
        let expiry = self.settings.url_expiry;
        BlockCache::new(Reader::new(http, s3, source, expiry))
    }

    /// Measures a source, or rejects it. Probing takes `longest` at most.
    pub(crate) async fn measure(
        &self,
        blocks: &Arc<BlockCache>,
        longest: Duration,
        deadline: Deadline,
    ) -> Result<Result<Measured, Rejection>, TransientError> {
        let reader = blocks.reader();
        if reader.is_empty() {
            return Ok(Err(Rejection::new(Reason::EmptyVideo, "the file is empty")));
        }
        let probed = {
            let _turn = self.probing.lock().await;
            self.probe(blocks, deadline.within(longest)).await
        };
        let (header, length, index) = match probed {
            Ok(probed) => probed,
            Err(ProbingError::Probe(ProbeError::Rejected(rejection))) => return Ok(Err(rejection)),
            Err(ProbingError::Probe(ProbeError::Child(error))) => {
                return Err(TransientError::ProbeNotStarted(error));
            }
            Err(ProbingError::Probe(ProbeError::Interrupted { reason })) => {
                return Err(TransientError::Probe {
                    source_name: reader.source().to_string(),
                    reason,
                });
            }
            Err(ProbingError::Read(error)) => return Err(TransientError::SourceLost(error)),
            Err(ProbingError::LoopbackProxy(error)) => return Err(TransientError::NoPort(error)),
        };
        let longest = self.settings.max_video_hours;
        if length > f64::from(longest) * 3600.0 {
            return Ok(Err(Rejection::new(
                Reason::TooLong,
                format!("the video lasts {length} s, more than MAX_VIDEO_HOURS ({longest})"),
            )));
        }
        let (mut facts, video) = SourceFacts::of(reader.pinned(), header, length);
        facts.timeline = index.as_ref().and_then(ContainerIndex::timeline);
        Ok(Ok(Measured {
            facts,
            video,
            index,
        }))
    }

    /// Reads the header, the index and the length. The length is the index's, if it tells one,
    /// because ffprobe may have to read far to find the end.
    async fn probe(
        &self,
        blocks: &Arc<BlockCache>,
        deadline: Deadline,
    ) -> Result<(Header, f64, Option<ContainerIndex>), ProbingError> {
        let programs = Programs {
            ffprobe: &self.settings.ffprobe,
            ffmpeg: &self.settings.ffmpeg,
        };
        let mut header = header(programs, blocks, deadline).await?;
        let mut index = index(blocks, &header.container, header.video, deadline)
            .await?
            .map_err(ProbeError::from)?;
        let seconds = self.settings.previews.slice_seconds;
        index = index.map(|index| index.with_slices_of(seconds));
        let told = match &mut index {
            Some(index) => indexing::length(index, header.claimed_seconds, deadline).await?,
            None => None,
        };
        let length = match told {
            Some(told) => (told * 1000.0).round() / 1000.0,
            None => length(programs, blocks, deadline, &header).await?,
        };
        let video = gifgen_index::Measured {
            container: &header.container,
            stream: header.video.index,
            claimed: header.claimed_seconds,
            length,
            has_index: index.is_some(),
        };
        let length = indexing::whole(blocks, video, deadline).await?;
        if let Some(index) = &index {
            header.video = index.video();
            // The index has the video as it was before.
            if let Some(crop) = index.crop() {
                header = header.cropped(crop);
            }
        }
        Ok((header, length, index))
    }
}

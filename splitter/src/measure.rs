//! What a source is: measured with ffprobe, or rejected.

use std::sync::Arc;

use gifgen_ledger::run::SourceFacts;
use gifgen_reader::{
    blocks::Blocks,
    probing::{ProbingError, measure},
    reader::Reader,
};
use gifgen_shared::{
    deadline::Deadline,
    probe::ProbeError,
    rejection::{Reason, Rejection},
    source::{ETag, Source},
    video_stream::VideoStream,
};

use crate::splitter::{SplitError, Splitter};

impl Splitter {
    /// What reads a source, and remembers what it has read.
    pub(crate) fn blocks(&self, source: &Source, etag: &ETag, bytes: u64) -> Arc<Blocks> {
        let (http, s3) = (self.http.clone(), self.s3.clone());
        let expiry = self.settings.url_expiry;
        Blocks::new(Reader::new(http, s3, source, etag, bytes, expiry))
    }

    /// Measures a source, or says why it gives no previews.
    pub(crate) async fn measure(
        &self,
        blocks: &Arc<Blocks>,
        deadline: Deadline,
    ) -> Result<Result<(SourceFacts, VideoStream), Rejection>, SplitError> {
        let reader = blocks.reader();
        if reader.is_empty() {
            return Ok(Err(Rejection::new(Reason::EmptyVideo, "the file is empty")));
        }
        let (header, length) = match measure(&self.settings.ffprobe, blocks, deadline).await {
            Ok(measured) => measured,
            Err(ProbingError::Probe(ProbeError::Rejected(rejection))) => return Ok(Err(rejection)),
            Err(ProbingError::Probe(ProbeError::Child(error))) => return Err(error.into()),
            Err(ProbingError::Probe(ProbeError::Interrupted { reason })) => {
                return Err(SplitError::Probe {
                    source_name: reader.source().to_string(),
                    reason,
                });
            }
            Err(ProbingError::Read(error)) => return Err(error.into()),
            Err(ProbingError::Gateway(error)) => return Err(error.into()),
        };
        let longest = self.settings.max_video_hours;
        if length > f64::from(longest) * 3600.0 {
            return Ok(Err(Rejection::new(
                Reason::TooLong,
                format!("the video lasts {length} s, more than MAX_VIDEO_HOURS ({longest})"),
            )));
        }
        let (source, etag, bytes) = (reader.source(), reader.etag(), reader.len());
        Ok(Ok(SourceFacts::of(source, etag, bytes, header, length)))
    }
}

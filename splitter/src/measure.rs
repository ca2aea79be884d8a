//! What a source is: measured with ffprobe, or rejected.

use gifgen_ledger::run::SourceFacts;
use gifgen_shared::{
    deadline::Deadline,
    probe::{Probe, ProbeError},
    rejection::{Reason, Rejection},
    source::{ETag, Source},
    video_stream::VideoStream,
};

use crate::splitter::{SplitError, Splitter};

impl Splitter {
    /// Measures a source, or says why it gives no previews.
    pub(crate) async fn measure(
        &self,
        source: &Source,
        etag: &ETag,
        bytes: u64,
        deadline: Deadline,
    ) -> Result<Result<(SourceFacts, VideoStream), Rejection>, SplitError> {
        if bytes == 0 {
            return Ok(Err(Rejection::new(Reason::EmptyVideo, "the file is empty")));
        }
        let url = source.presign(&self.s3, self.settings.url_expiry).await?;
        let probe = Probe {
            ffprobe: &self.settings.ffprobe,
            url: &url,
            etag: Some(etag),
            deadline,
        };
        let (header, length) = match probe.measure().await {
            Ok(measured) => measured,
            Err(ProbeError::Rejected(rejection)) => return Ok(Err(rejection)),
            Err(ProbeError::Child(error)) => return Err(error.into()),
            Err(ProbeError::Interrupted { reason }) => {
                return Err(SplitError::Probe {
                    source_name: source.to_string(),
                    reason,
                });
            }
        };
        let longest = self.settings.max_video_hours;
        if length > f64::from(longest) * 3600.0 {
            return Ok(Err(Rejection::new(
                Reason::TooLong,
                format!("the video lasts {length} s, more than MAX_VIDEO_HOURS ({longest})"),
            )));
        }
        Ok(Ok(SourceFacts::of(source, etag, bytes, header, length)))
    }
}

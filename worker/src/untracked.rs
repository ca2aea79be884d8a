//! Slices of no run: those of saved events that name no version, say, as the AWS sample's do. They
//! are rendered and uploaded, and have no receipt.

use gifgen_shared::{slice_event::SliceEvent, source::Source};

use crate::{
    error::{PermanentError, SliceError},
    invocation::Invocation,
    report::Report,
    slice_work::Wanted,
    worker::{Answer, Worker},
};

impl Worker {
    /// Renders a slice of no run.
    pub(crate) async fn untracked_slice(
        &self,
        event: &SliceEvent,
        source: &Source,
        invocation: &Invocation,
    ) -> Result<Answer, SliceError> {
        let reader = self.reader(source).await?;
        let (header, length) = self.measure(&reader, invocation.deadline).await?;
        let named = event.slice();
        let slice = named.within(length).ok_or(PermanentError::OutsideVideo {
            start: named.start,
            length,
        })?;
        let wanted = Wanted {
            source,
            reader: &reader,
            container: &header.container,
            video: header.video,
            slice,
            excerpt: None,
            look: &self.settings.look,
            run: None,
            deadline: invocation.deadline,
        };
        let finished = self.finish(&wanted).await?;
        tracing::info!(bucket = source.bucket, key = %source.key, start = slice.start, "slice of no run done");
        Ok(Answer::Done(Report {
            key: source.key.to_string(),
            start: slice.start,
            end: slice.end,
            made: finished.made,
        }))
    }
}

//! The work on one slice: rendered, looked at, uploaded.

use std::{sync::Arc, time::Instant};

use gifgen_index::Excerpt;
use gifgen_ledger::{
    receipt::Work,
    run::Run,
    slice_outputs::{Object, SliceOutputs},
};
use gifgen_reader::Reader;
use gifgen_shared::{
    deadline::Deadline, output_keys::OutputKeys, preview_settings::PreviewSettings, slice::Slice,
    source::Source, video_stream::VideoStream, work_dir::WorkDir,
};
use tokio::time::timeout_at;

use crate::{
    error::{SliceError, TransientError},
    outputs::Outputs,
    report::made,
    upload::{Upload, upload},
    worker::Worker,
};

/// What is to be rendered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub source: &'a Source,
    pub reader: &'a Arc<Reader>,
    /// Name of the container, as FFmpeg has it.
    pub container: &'a str,
    pub video: VideoStream,
    pub slice: Slice,
    /// The part of the source that the slice needs, if that is known.
    pub excerpt: Option<&'a Excerpt>,
    pub look: &'a PreviewSettings,
    /// The run that this is for, if for any.
    pub run: Option<&'a Run>,
    pub deadline: Deadline,
}

/// A slice whose objects are up.
#[derive(Debug)]
pub(crate) struct Finished {
    pub made: SliceOutputs,
    pub objects: Vec<Object>,
    /// The work that it took, but for what is known of the whole invocation.
    pub work: Work,
}

impl Worker {
    /// Renders a slice and uploads what it gives.
    pub(crate) async fn finish(&self, wanted: &Wanted<'_>) -> Result<Finished, SliceError> {
        let work_dir =
            WorkDir::create(&self.temporary).map_err(|source| TransientError::WorkDir {
                action: "make",
                source,
            })?;
        let finished = self.render_and_upload(wanted, &work_dir).await;
        work_dir
            .remove()
            .map_err(|source| TransientError::WorkDir {
                action: "remove",
                source,
            })?;
        finished
    }

    async fn render_and_upload(
        &self,
        wanted: &Wanted<'_>,
        work_dir: &WorkDir,
    ) -> Result<Finished, SliceError> {
        let (source, deadline) = (wanted.source, wanted.deadline);
        let started = Instant::now();
        let (rendered, by_excerpt) = self.rendered(wanted, work_dir.path()).await?;
        let render_ms = started.elapsed().as_millis() as u64;
        let outputs = rendered.outputs;
        let made = made(wanted, &outputs);
        let files = uploads(source, &made, wanted.slice.start, outputs);
        let started = Instant::now();
        let uploading = upload(&self.ledger, &files, source, wanted.run);
        let objects = timeout_at(deadline.instant(), deadline.persist(uploading))
            .await
            .map_err(|_| TransientError::DeadlinePassed { doing: "uploading" })??;
        Ok(Finished {
            made,
            objects,
            work: Work {
                render_ms,
                gif_ms: rendered.encoding.total().as_millis() as u64,
                upload_ms: started.elapsed().as_millis() as u64,
                bytes_read: Some(wanted.reader.bytes_read()),
                source_requests: Some(wanted.reader.requests()),
                by_excerpt: Some(by_excerpt),
                ..Work::default()
            },
        })
    }
}

fn uploads(source: &Source, made: &SliceOutputs, start: u32, outputs: Outputs) -> Vec<Upload> {
    let keys = OutputKeys::of(&source.key);
    let gif = Upload {
        file: outputs.gif,
        key: made.gif.key.clone(),
        content_type: "image/gif",
    };
    let jpg = |file, key| Upload {
        file,
        key,
        content_type: "image/jpeg",
    };
    let stills = outputs.stills.into_iter();
    let sheet = outputs.storyboard.into_iter();
    std::iter::once(gif)
        .chain(stills.map(|(second, file)| jpg(file, keys.frame(second))))
        .chain(sheet.map(|file| jpg(file, keys.storyboard(start))))
        .collect()
}

//! The work on one slice: rendered, looked at, uploaded.

use std::time::Instant;

use gifgen_ledger::{
    made::{Made, Object},
    receipt::Work,
    run::Run,
};
use gifgen_shared::{
    deadline::Deadline,
    look::{Decode, Look},
    output_keys::OutputKeys,
    presigned_url::PresignedUrl,
    probe::{Header, Probe, ProbeError},
    slice::Slice,
    source::Source,
    video_stream::VideoStream,
    work_dir::WorkDir,
};
use tokio::time::timeout_at;

use crate::{
    decoded::gap_with_a_packet,
    error::{Interrupted, SliceError, Unrenderable},
    ffmpeg_args::Rendering,
    outputs::Outputs,
    render::{RenderError, Rendered, render},
    report::made,
    upload::{Upload, upload},
    worker::Worker,
};

/// What is to be rendered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub source: &'a Source,
    pub url: &'a PresignedUrl,
    pub video: VideoStream,
    pub slice: Slice,
    pub look: &'a Look,
    /// The run that this is for, if for any.
    pub run: Option<&'a Run>,
    pub deadline: Deadline,
}

/// A slice whose objects are up.
#[derive(Debug)]
pub(crate) struct Finished {
    pub made: Made,
    pub objects: Vec<Object>,
    /// The work that it took, but for what is known of the whole invocation.
    pub work: Work,
}

impl Worker {
    /// Renders a slice and uploads what it gives.
    pub(crate) async fn finish(&self, wanted: &Wanted<'_>) -> Result<Finished, SliceError> {
        let rendering = Rendering {
            url: wanted.url,
            etag: wanted.source.etag.as_ref(),
            video: wanted.video,
            slice: wanted.slice,
            look: wanted.look,
            threads: self.threads,
            seek_margin: wanted.video.seek_margin,
        };
        let work_dir = WorkDir::create(&self.temporary).map_err(|source| Interrupted::WorkDir {
            action: "make",
            source,
        })?;
        let finished = self.render_and_upload(wanted, &rendering, &work_dir).await;
        work_dir.remove().map_err(|source| Interrupted::WorkDir {
            action: "remove",
            source,
        })?;
        finished
    }

    async fn render_and_upload(
        &self,
        wanted: &Wanted<'_>,
        rendering: &Rendering<'_>,
        work_dir: &WorkDir,
    ) -> Result<Finished, SliceError> {
        let (source, deadline) = (wanted.source, wanted.deadline);
        let started = Instant::now();
        let rendered = self.render(source, rendering, work_dir, deadline).await?;
        self.check_gaps(source, rendering, &rendered, deadline)
            .await?;
        let render_ms = started.elapsed().as_millis() as u64;
        let outputs = rendered.outputs;
        let made = made(source, rendering, &outputs);
        let files = uploads(source, &made, wanted.slice.start, outputs);
        let started = Instant::now();
        let uploading = upload(&self.ledger.bucket, &files, source, wanted.run);
        let objects = timeout_at(deadline.instant(), uploading)
            .await
            .map_err(|_| Interrupted::DeadlinePassed { doing: "uploading" })??;
        Ok(Finished {
            made,
            objects,
            work: Work {
                render_ms,
                gif_ms: rendered.encoding.total().as_millis() as u64,
                upload_ms: started.elapsed().as_millis() as u64,
                bytes_read: rendered.bytes_read,
                ..Work::default()
            },
        })
    }

    /// Probes by the splitter's rule.
    pub(crate) async fn measure(
        &self,
        source: &Source,
        url: &PresignedUrl,
        deadline: Deadline,
    ) -> Result<(Header, f64), SliceError> {
        match self.ffprobe(source, url, deadline).measure().await {
            Ok(measured) => Ok(measured),
            Err(error) => Err(self.failed_probe(source, error, deadline).await),
        }
    }

    fn ffprobe<'a>(
        &'a self,
        source: &'a Source,
        url: &'a PresignedUrl,
        deadline: Deadline,
    ) -> Probe<'a> {
        Probe {
            ffprobe: &self.settings.ffprobe,
            url,
            etag: source.etag.as_ref(),
            deadline,
        }
    }

    /// What it means that the source could not be read. S3 is asked for as long as there is
    /// time: a server that hangs would not answer this either.
    async fn lost(&self, source: &Source, said: String, deadline: Deadline) -> SliceError {
        match timeout_at(deadline.instant(), source.state(&self.s3)).await {
            Ok(Ok(state)) => SliceError::lost(source, &state, said),
            Ok(Err(error)) => error.into(),
            Err(_) => Interrupted::DeadlinePassed {
                doing: "reading the source",
            }
            .into(),
        }
    }

    /// Renders, seeking further back as long as that is needed.
    async fn render(
        &self,
        source: &Source,
        rendering: &Rendering<'_>,
        work_dir: &WorkDir,
        deadline: Deadline,
    ) -> Result<Rendered, SliceError> {
        let mut rendering = *rendering;
        let mut further_back = FURTHER_BACK.into_iter();
        loop {
            match render(&rendering, &self.settings.ffmpeg, work_dir.path(), deadline).await {
                Ok(rendered) => return Ok(rendered),
                Err(RenderError::Failed(error)) => return Err(error),
                Err(RenderError::SourceLost { said }) => {
                    return Err(self.lost(source, said, deadline).await);
                }
                Err(RenderError::SoughtTooLate) => {
                    rendering.seek_margin = further_back.next().unwrap_or(u32::MAX);
                }
            }
        }
    }

    /// Makes sure that no picture is missing where none was decoded for long: that the container
    /// has none there, and that FFmpeg had no trouble reading it.
    async fn check_gaps(
        &self,
        source: &Source,
        rendering: &Rendering<'_>,
        rendered: &Rendered,
        deadline: Deadline,
    ) -> Result<(), SliceError> {
        let (video, slice) = (rendering.video, rendering.slice);
        let gaps = rendered.decoded.gaps(&slice);
        let (Some(first), Some(last)) = (gaps.first(), gaps.last()) else {
            return Ok(());
        };
        let missing = if rendered.complained {
            Some(first.clone())
        } else if rendering.look.decode == Decode::Fast {
            // Packets without pictures are what was asked for.
            None
        } else {
            let zero = video.start_time + f64::from(slice.start);
            let probe = self.ffprobe(source, rendering.url, deadline);
            let range = zero + first.start..zero + last.end;
            match probe.packet_times(video.index, range).await {
                Ok(times) => {
                    let times: Vec<f64> = times.iter().map(|time| time - zero).collect();
                    gap_with_a_packet(&gaps, &times)
                }
                Err(error) => return Err(self.failed_probe(source, error, deadline).await),
            }
        };
        match missing {
            None => Ok(()),
            Some(gap) => {
                let zero = f64::from(slice.start);
                let (from, to) = (zero + gap.start, zero + gap.end);
                Err(Unrenderable::Damaged { from, to }.into())
            }
        }
    }

    /// What a failed probe means.
    async fn failed_probe(
        &self,
        source: &Source,
        error: ProbeError,
        deadline: Deadline,
    ) -> SliceError {
        match error {
            ProbeError::Rejected(rejection) => Unrenderable::Rejected(rejection).into(),
            ProbeError::Child(error) => Interrupted::Child(error).into(),
            ProbeError::Interrupted { reason } => self.lost(source, reason, deadline).await,
        }
    }
}

/// Seconds by which a seek that landed too late goes further back: a minute, then to the
/// beginning.
const FURTHER_BACK: [u32; 2] = [60, u32::MAX];

fn uploads(source: &Source, made: &Made, start: u32, outputs: Outputs) -> Vec<Upload> {
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

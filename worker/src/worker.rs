//! From a slice event to its uploaded objects.

use std::{
    num::NonZero,
    path::PathBuf,
    time::{Duration, Instant},
};

use aws_sdk_s3::Client;
use gifgen_shared::{
    deadline::Deadline,
    output_keys::OutputKeys,
    presigned_url::PresignedUrl,
    probe::{Probe, ProbeError},
    settings::{Decode, Settings},
    slice::Slice,
    slice_event::SliceEvent,
    source::Source,
    video_stream::VideoStream,
    work_dir::{WorkDir, sweep},
};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout_at;

use crate::{
    decoded::gap_with_a_packet,
    error::{Interrupted, SliceError, Unrenderable},
    ffmpeg_args::Rendering,
    outputs::Outputs,
    render::{RenderError, Rendered, render},
    report::Report,
    upload::{Upload, upload},
};

/// The worker with its connections.
#[derive(Debug)]
pub struct Worker {
    s3: Client,
    settings: Settings,
    threads: NonZero<u32>,
    temporary: PathBuf,
}

/// The answer to one invocation.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "camelCase")]
pub enum Answer {
    /// All objects of the slice are uploaded.
    Done(Report),
    /// The slice cannot be rendered, now or later.
    Failed {
        /// The class, for machines.
        reason: String,
        /// One sentence for people.
        message: String,
    },
}

impl Worker {
    /// A worker that reads and writes through `s3`, decodes with `threads` threads, and makes
    /// its work directories in `temporary`. What killed workers left there is removed.
    ///
    /// # Errors
    /// If `temporary` cannot be read.
    pub fn start(
        s3: Client,
        settings: Settings,
        threads: NonZero<u32>,
        temporary: PathBuf,
    ) -> Result<Self, Interrupted> {
        let swept = sweep(&temporary).map_err(|source| Interrupted::WorkDir {
            action: "sweep",
            source,
        })?;
        if swept > 0 {
            tracing::warn!(swept, "removed what killed workers left behind");
        }
        Ok(Self {
            s3,
            settings,
            threads,
            temporary,
        })
    }

    /// Renders and uploads the slice that `event` names. To do so twice is harmless: the same
    /// objects are written again.
    ///
    /// # Errors
    /// For passing reasons only, so that the platform retries. A slice that cannot be rendered
    /// is an [`Answer::Failed`].
    pub async fn handle(&self, event: &Value, deadline: Deadline) -> Result<Answer, Interrupted> {
        let detail = event.get("detail").unwrap_or(event);
        let (bucket, key) = (detail["bucket"].as_str(), detail["key"].as_str());
        let start = detail["start"].as_f64();
        match self.slice(event, deadline).await {
            Ok(report) => Ok(Answer::Done(report)),
            Err(SliceError::Permanent(error)) => {
                let (reason, message) = (error.reason(), error.to_string());
                tracing::error!(bucket, key, start, reason, why = message, event = %detail, "failed for good");
                Ok(Answer::Failed { reason, message })
            }
            Err(SliceError::Transient(error)) => {
                tracing::warn!(bucket, key, start, why = %error, event = %detail, "interrupted");
                Err(error)
            }
        }
    }

    async fn slice(&self, event: &Value, deadline: Deadline) -> Result<Report, SliceError> {
        let started = Instant::now();
        let event = SliceEvent::parse(event).map_err(Unrenderable::BadEvent)?;
        let source = event
            .source(&self.settings)
            .map_err(Unrenderable::BadEvent)?;
        let url = source.presign(&self.s3, self.settings.url_expiry).await?;
        // With a stream and a version, the event comes from our splitter, which measured just
        // these bytes.
        let (video, slice) = match event.video.filter(|_| event.etag.is_some()) {
            Some(video) => (video, event.slice()),
            None => self.probe(&source, &url, event.slice(), deadline).await?,
        };
        let rendering = Rendering {
            url: &url,
            etag: source.etag.as_ref(),
            video,
            slice,
            settings: &self.settings,
            threads: self.threads,
            seek_margin: video.seek_margin,
        };
        let work_dir = WorkDir::create(&self.temporary).map_err(|source| Interrupted::WorkDir {
            action: "make",
            source,
        })?;
        let report = self
            .render_and_upload(&source, &rendering, &work_dir, deadline)
            .await;
        work_dir.remove().map_err(|source| Interrupted::WorkDir {
            action: "remove",
            source,
        })?;
        let (report, timing) = report?;
        tracing::info!(
            bucket = source.bucket,
            key = report.key,
            etag = source.etag.as_ref().map(|etag| etag.as_str()),
            start = report.start,
            gif_bytes = report.gif.bytes,
            rendered_ms = timing.rendering.as_millis() as u64,
            gif_ms = timing.gif.as_millis() as u64,
            elapsed_ms = started.elapsed().as_millis() as u64,
            "slice done"
        );
        Ok(report)
    }

    /// Chooses the stream by the splitter's rule, for an event that does not name it, and keeps
    /// the slice within the video.
    async fn probe(
        &self,
        source: &Source,
        url: &PresignedUrl,
        slice: Slice,
        deadline: Deadline,
    ) -> Result<(VideoStream, Slice), SliceError> {
        let probe = self.ffprobe(source, url, deadline);
        let measured = async {
            let header = probe.header().await?;
            let length = probe.length(&header).await?;
            Ok((header.video, length))
        };
        match measured.await {
            Ok((video, length)) => match slice.within(length) {
                Some(slice) => Ok((video, slice)),
                None => Err(Unrenderable::OutsideVideo {
                    start: slice.start,
                    length,
                }
                .into()),
            },
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
            match render(&rendering, work_dir.path(), deadline).await {
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
        } else if self.settings.decode == Decode::Fast {
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

    async fn render_and_upload(
        &self,
        source: &Source,
        rendering: &Rendering<'_>,
        work_dir: &WorkDir,
        deadline: Deadline,
    ) -> Result<(Report, Timing), SliceError> {
        let started = Instant::now();
        let rendered = self.render(source, rendering, work_dir, deadline).await?;
        self.check_gaps(source, rendering, &rendered, deadline)
            .await?;
        let timing = Timing {
            rendering: started.elapsed(),
            gif: rendered.encoding.total(),
        };
        let outputs = rendered.outputs;
        let report = Report::of(source, rendering, &outputs);
        let uploads = uploads(source, &report, outputs);
        let uploading = upload(&self.s3, &self.settings.destination_bucket, uploads);
        timeout_at(deadline.instant(), uploading)
            .await
            .map_err(|_| Interrupted::DeadlinePassed { doing: "uploading" })??;
        Ok((report, timing))
    }
}

/// Where the time of a slice went.
struct Timing {
    /// FFmpeg, and what was made of its pictures.
    rendering: Duration,
    /// The GIF's encoding, mostly while FFmpeg decodes.
    gif: Duration,
}

/// Seconds by which a seek that landed too late goes further back: a minute, then to the
/// beginning.
const FURTHER_BACK: [u32; 2] = [60, u32::MAX];

fn uploads(source: &Source, report: &Report, outputs: Outputs) -> Vec<Upload> {
    let keys = OutputKeys::of(&source.key);
    let gif = Upload {
        file: outputs.gif,
        key: report.gif.key.clone(),
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
        .chain(sheet.map(|file| jpg(file, keys.storyboard(report.start))))
        .collect()
}

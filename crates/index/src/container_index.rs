//! From a source to the excerpts of its slices.

use std::sync::Arc;

use gifgen_reader::{BlockCache, Reader};
use gifgen_shared::{
    Slice, Timeline, VideoStream, crop::ContainerCrop, header::MISSING_SECONDS,
    video_stream::FROM_BEGINNING,
};

use crate::{error::IndexError, excerpt::Excerpt, matroska, mp4, mpegts};

/// Where the pictures of a video are in its source.
#[derive(Debug)]
pub struct ContainerIndex {
    blocks: Arc<BlockCache>,
    video: VideoStream,
    container: Container,
}

/// The excerpts of slices, in order.
pub type Excerpts<'a> = Box<dyn Iterator<Item = Option<Excerpt>> + Send + 'a>;

/// What the source says of that.
#[derive(Debug)]
pub(crate) enum Container {
    Mov(Box<mp4::Mp4Index>),
    Matroska(matroska::Head),
    MpegTs(mpegts::Stream),
}

impl ContainerIndex {
    /// Reads the index of the stream `video`. `container` is the format of the source, by FFmpeg's name.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn read(
        blocks: Arc<BlockCache>,
        container: &str,
        video: VideoStream,
    ) -> Result<Self, IndexError> {
        // Boxed, or else the compiler gives up on the size of what awaits this.
        let container = match container {
            "matroska,webm" => {
                Container::Matroska(Box::pin(matroska::Head::read(&blocks, video.index)).await?)
            }
            "mpegts" => {
                Container::MpegTs(Box::pin(mpegts::Stream::read(&blocks, video.index)).await?)
            }
            _ if container.split(',').any(|name| name == "mov") => Container::Mov(Box::new(
                Box::pin(mp4::Mp4Index::read(&blocks, &video)).await?,
            )),
            _ => return Err(IndexError::none(format!("of {container} none is made"))),
        };
        let start_time = match &container {
            Container::Mov(index) => index.start_time(),
            Container::Matroska(_) | Container::MpegTs(_) => None,
        };
        let start_time = start_time.unwrap_or(video.start_time);
        Ok(Self {
            blocks,
            video: VideoStream {
                start_time,
                ..video
            },
            container,
        })
    }

    /// The video stream, with the time at which its first picture is on the film's clock.
    pub fn video(&self) -> VideoStream {
        self.video
    }

    /// What the source says of its pictures.
    pub(crate) fn container(&self) -> &Container {
        &self.container
    }

    /// The reader of the source.
    pub fn reader(&self) -> &Arc<Reader> {
        self.blocks.reader()
    }

    /// What the container cuts off the pictures.
    pub fn crop(&self) -> Option<ContainerCrop> {
        match &self.container {
            Container::Mov(index) => index.crop(),
            Container::Matroska(head) => head.track.crop,
            Container::MpegTs(_) => None,
        }
    }

    /// The length of the video in seconds, from its first picture to the end of its last. `None` if neither the
    /// index nor the end of the file tells. A file without tables that does not end about where it `claimed` to, in
    /// seconds, may be truncated: that is for ffprobe to say.
    ///
    /// This also finds out whether the source has a [`Timeline`].
    ///
    /// # Errors
    /// If the source cannot be read, or not all of it can be shown.
    pub async fn length(&mut self, claimed: Option<f64>) -> Result<Option<f64>, IndexError> {
        let (blocks, video) = (&self.blocks, &self.video);
        let length = match &mut self.container {
            Container::Mov(index) => return Ok(index.length()),
            Container::Matroska(head) => Box::pin(matroska::length(blocks, head, video)).await?,
            Container::MpegTs(stream) => {
                let length = Box::pin(mpegts::length(blocks, stream, video)).await?;
                if stream.is_counted {
                    return Ok(length);
                }
                length
            }
        };
        let is_near = |length: &f64| {
            claimed.is_none_or(|claimed| (length - claimed).abs() <= MISSING_SECONDS)
        };
        Ok(length.filter(is_near))
    }

    /// How the film's times follow from the source, if FFmpeg would find others. [`Self::length`] must have been asked
    /// before.
    pub fn timeline(&self) -> Option<Timeline> {
        match &self.container {
            Container::Mov(index) => index.timeline(),
            Container::Matroska(_) => None,
            Container::MpegTs(stream) if stream.pieces.is_empty() => None,
            Container::MpegTs(stream) => Some(Timeline {
                pieces: stream.pieces.clone(),
            }),
        }
    }

    /// The same index for slices of so many seconds. What it finds out about the length then serves for their
    /// excerpts.
    #[must_use]
    pub fn with_slices_of(mut self, seconds: u32) -> Self {
        if let Container::MpegTs(stream) = &mut self.container {
            stream.slice_seconds = seconds.max(1);
        }
        self
    }

    /// The same index for a source whose `timeline` is known.
    #[must_use]
    pub fn with_timeline(mut self, timeline: &Timeline) -> Self {
        if let Container::MpegTs(stream) = &mut self.container {
            stream.pieces.clone_from(&timeline.pieces);
        }
        self
    }

    /// The excerpts of `slices`, which are all of the video. `None` stands for a slice that cannot be cut out. Those of
    /// an MP4 are made when they are asked for, because all together take more memory than the index.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn excerpts<'a>(&'a self, slices: &'a [Slice]) -> Result<Excerpts<'a>, IndexError> {
        let (blocks, video) = (&self.blocks, &self.video);
        if video.seek_margin == FROM_BEGINNING {
            return Ok(Box::new(slices.iter().map(|_| None)));
        }
        let found = match &self.container {
            Container::Mov(index) => return Ok(Box::new(index.excerpts(slices))),
            Container::Matroska(head) => {
                Box::pin(matroska::excerpts(blocks, head, video, slices)).await?
            }
            Container::MpegTs(stream) => {
                Box::pin(mpegts::excerpts(blocks, stream, video, slices)).await?
            }
        };
        Ok(Box::new(found.into_iter()))
    }
}

//! Attempts to render a slice: from its excerpt, or by seeking, further and further back.
//!
//! Each attempt runs FFmpeg once. Only if FFmpeg complained, or something is odd about the times of its pictures, the
//! pictures are decoded once more to judge each of them, and perhaps the slice is rendered again with
//! repairs. So videos without faults cost one run, but for transport streams whose rate varies.

mod feeding;

use std::{num::NonZero, ops::Range, path::Path, sync::Arc};

use gifgen_index::{Demuxer, Excerpt};
use gifgen_probe::LoggedPicture;
use gifgen_reader::BlockCache;
use gifgen_shared::{Deadline, Decode, video_stream::FROM_BEGINNING};
use tokio::sync::OnceCell;

use crate::{
    decoded::Decoded,
    error::{JobError, PermanentError},
    ffmpeg_args::H264,
    ffmpeg_run::{FfmpegError, Files, Ran},
    job::SliceJob,
    judge::{Retiming, Verdict, judge, mark_holes},
    product::Product,
    renderer::Renderer,
    repairs::Repairs,
    silence::Silence,
    source_packets::SourcePackets,
};

/// The next seek margins, in seconds, if a seek landed too late. FFmpeg seeks by dts, so 5 s often
/// suffice; then 60 s; then the beginning.
const FURTHER_BACK: [u32; 3] = [5, 60, FROM_BEGINNING];

/// How far behind a slice the next packet is sought, in seconds.
const SOUGHT_BEHIND_SECONDS: f64 = 60.0;

/// How much later than a picture one may be stored, in seconds, that is decoded before it.
const REORDERED_SECONDS: f64 = 2.0;

/// More than the rounding of a packet's time, in seconds, and less than the distance of two packets.
const TICK_SECONDS: f64 = 0.002;

/// FFmpeg's name of recorded television.
const WTV: &str = "wtv";

/// Decoding in one thread gives the same pictures each time, whatever is damaged.
const ONE_THREAD: NonZero<u32> = NonZero::<u32>::MIN;

/// Where FFmpeg gets the pictures of a slice from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin<'a> {
    /// From an excerpt, through a pipe.
    Excerpt(&'a Excerpt),
    /// From the source, through the loopback proxy. FFmpeg seeks this many seconds before the slice.
    Seek(u32),
}

/// All that the attempts for one job share.
#[derive(Clone, Copy)]
pub(crate) struct Attempts<'a> {
    pub renderer: &'a Renderer,
    pub job: &'a SliceJob,
    pub product: Product,
    pub blocks: &'a Arc<BlockCache>,
    pub directory: &'a Path,
    pub deadline: Deadline,
}

impl Attempts<'_> {
    /// Renders by seeking, and seeks further back as long as the first right picture comes too late or
    /// nothing decodes.
    pub(crate) async fn by_seeking(&self) -> Result<Files, JobError> {
        let video = self.job.slice.video;
        let mut margin = video.margin();
        let mut further_back = FURTHER_BACK.into_iter();
        loop {
            let error = match self.render(Origin::Seek(margin)).await {
                Ok(files) => return Ok(files),
                Err(FfmpegError::StartsTooLate) => None,
                Err(FfmpegError::Failed(JobError::Permanent(error)))
                    if error.may_lack_what_precedes() =>
                {
                    Some(error)
                }
                Err(FfmpegError::Failed(error)) => return Err(error),
            };
            if let Some(error) = error
                && margin >= self.job.slice.slice.start
            {
                return Err(error.into());
            }
            let further = further_back.find(|further| *further > margin);
            margin = further.unwrap_or(FROM_BEGINNING);
        }
    }

    /// Renders and judges the slice.
    pub(crate) async fn render(&self, origin: Origin<'_>) -> Result<Files, FfmpegError> {
        if let Origin::Excerpt(excerpt) = origin
            && let Some((from, to)) = excerpt.lost_in(&self.job.slice.slice)
        {
            return Err(PermanentError::Damaged { from, to }.into());
        }
        let threads = self.renderer.threads;
        let mut ran = self.run(origin, threads, &Repairs::default()).await?;
        // Other containers derive times from each other, so that a single one cannot be wrong.
        let may_be_wrong = self.job.container == "mpegts" && ran.decoded.ends_with_a_leap();
        let seconds = self.job.slice.slice.seconds();
        let is_in_order = ran.decoded.is_in_order(seconds);
        if !ran.complained && ran.decoded.starts_late() && self.could_start_earlier(origin) {
            return Err(FfmpegError::StartsTooLate);
        }
        let holes = ran.decoded.holes(seconds);
        if let Some(gap) = Box::pin(self.lost_at_end(&ran, origin)).await? {
            return Err(self.damaged(gap.start.max(0.0)..gap.end).into());
        }
        let numbers_skip = OnceCell::new();
        let until = until_behind_holes(&ran.decoded, seconds);
        let numbers_skip =
            || numbers_skip.get_or_try_init(|| self.frame_numbers_skip(origin, until));
        // Fast decoding leaves pictures out, and H.264 tells of lost ones.
        let hides_losses = self.job.container == WTV
            && self.job.codec != H264
            && self.job.slice.settings.decode != Decode::Fast;
        let may_lose = match self.job.container.as_str() {
            _ if ran.complained => false,
            // FFmpeg does not say that whole pictures are lost if the counter of packets agrees by chance.
            "mpegts" if !holes.is_empty() => true,
            _ if hides_losses && !holes.is_empty() => true,
            _ => ran.numbers_skip && ran.decoded.is_uneven(seconds) && *numbers_skip().await?,
        };
        let is_suspect = !is_in_order || may_be_wrong || may_lose;
        if !ran.complained && !ran.changes && !is_suspect {
            // An FFmpeg that fails without a picture and without a word says nothing about the source.
            if ran.decoded.is_empty() && ran.outcome.is_err() {
                return Ok(ran.outcome?);
            }
            match self.check_silence(&ran, origin).await {
                // A picture with a wrong time may have ended the reading.
                Err(JobError::Permanent(PermanentError::Damaged { .. }))
                    if ran.decoded.reaches(seconds) => {}
                checked => {
                    checked?;
                    return Ok(ran.outcome?);
                }
            }
        }
        let mut pictures = self.inspect(origin, ran.ignored_an_overflow).await?;
        if pictures.iter().any(|picture| picture.is_after_skip) && !*numbers_skip().await? {
            let all = pictures.iter_mut();
            all.for_each(|picture| picture.is_after_skip = false);
        }
        let source = self.source(origin);
        Box::pin(source.correct(&mut pictures)).await?;
        if self.job.container == "mpegts" {
            Box::pin(source.mark_losses(&holes, &mut pictures)).await?;
        }
        if hides_losses {
            self.check_holes(&pictures, origin)?;
        }
        if pictures.is_empty() && !self.could_start_earlier(origin) {
            // FFmpeg's own words say more than that pictures are missing.
            ran.outcome?;
            return Err(self.damaged(0.0..seconds).into());
        }
        let repairs = Repairs {
            fits: ran.changes,
            retimings: self.judged(&pictures, origin)?,
        };
        if !repairs.is_empty() {
            let start = self.job.slice.slice.start;
            let (fits, retimed) = (repairs.fits, repairs.retimings.len());
            tracing::warn!(
                start,
                fits,
                retimed,
                "the slice is rendered again with repairs"
            );
            ran = self.run(origin, ONE_THREAD, &repairs).await?;
        }
        if ran.outcome.is_ok() {
            self.check_silence(&ran, origin).await?;
            if !ran.decoded.is_in_order_within(seconds) {
                return Err(self.disordered(0.0..seconds).into());
            }
        }
        Ok(ran.outcome?)
    }

    /// The gap at the end of the slice, if H.264 is lost in it: its decoder may give no picture behind it. `None` if
    /// nothing is lost.
    async fn lost_at_end(
        &self,
        ran: &Ran,
        origin: Origin<'_>,
    ) -> Result<Option<Range<f64>>, FfmpegError> {
        let slice = &self.job.slice.slice;
        let is_suspect = self.job.codec == H264 && (ran.numbers_skip || origin.ends_with_slice());
        let Some(gap) = ran.decoded.open_gap(slice).filter(|_| is_suspect) else {
            return Ok(None);
        };
        if self.job.timeline.is_some() {
            // FFmpeg does not find the film's times in the source.
            let is_lost = ran.numbers_skip && self.frame_numbers_skip(origin, gap.end).await?;
            return Ok(Some(gap).filter(|_| is_lost));
        }
        let origin = match origin {
            Origin::Excerpt(_) => Origin::Seek(self.job.slice.video.margin()),
            Origin::Seek(_) => origin,
        };
        let behind = gap.end..gap.end + SOUGHT_BEHIND_SECONDS;
        let video = Some(self.job.slice.video.index);
        let packets = self.source(origin).within(video, behind.clone()).await?;
        let times = packets.iter().map(|packet| packet.time);
        let next = times.filter(|time| behind.contains(time)).reduce(f64::min);
        let Some(next) = next else {
            return Ok(None);
        };
        // No further: another recording may follow.
        let is_lost = self.frame_numbers_skip(origin, next + TICK_SECONDS).await?;
        Ok(Some(gap).filter(|_| is_lost))
    }

    /// Fails if pictures of recorded television are wrong for too long behind a hole. FFmpeg passes over damage without a
    /// word. Shorter holes may have been recorded.
    fn check_holes(
        &self,
        pictures: &[LoggedPicture],
        origin: Origin<'_>,
    ) -> Result<(), FfmpegError> {
        let mut pictures = pictures.to_vec();
        mark_holes(&mut pictures);
        match self.verdict(&pictures, origin) {
            Verdict::Damaged(range) => Err(self.damaged(range).into()),
            _ => Ok(()),
        }
    }

    fn verdict(&self, pictures: &[LoggedPicture], origin: Origin<'_>) -> Verdict {
        let (spec, could_start_earlier) = (&self.job.slice, self.could_start_earlier(origin));
        let hidden_keyframes = spec.video.hidden_keyframes;
        let (zero, seconds) = (spec.zero(), spec.slice.seconds());
        judge(
            pictures,
            zero,
            seconds,
            could_start_earlier,
            hidden_keyframes,
        )
    }

    /// The repairs that make the slice right.
    fn judged(
        &self,
        pictures: &[LoggedPicture],
        origin: Origin<'_>,
    ) -> Result<Vec<Retiming>, FfmpegError> {
        let seconds = self.job.slice.slice.seconds();
        match self.verdict(pictures, origin) {
            // WTV keeps the times apart from the pictures, so behind damage they are those of others.
            Verdict::Good(retimings) if self.job.container == WTV && !retimings.is_empty() => {
                Err(self.damaged(0.0..seconds).into())
            }
            Verdict::Good(retimings) => Ok(retimings),
            Verdict::StartsTooLate => Err(FfmpegError::StartsTooLate),
            Verdict::Damaged(range) => Err(self.damaged(range).into()),
            Verdict::Disordered(range) => Err(self.disordered(range).into()),
        }
    }

    /// Fails if pictures are missing where none was decoded for more than a second.
    async fn check_silence(&self, ran: &Ran, origin: Origin<'_>) -> Result<(), JobError> {
        let silence = Silence {
            source: self.source(origin),
        };
        match Box::pin(silence.missing_pictures(&ran.decoded, ran.complained)).await? {
            None => Ok(()),
            Some(range) => Err(self.damaged(range).into()),
        }
    }

    fn source<'b>(&'b self, origin: Origin<'b>) -> SourcePackets<'b> {
        SourcePackets {
            programs: self.renderer.programs(),
            blocks: self.blocks,
            deadline: self.deadline,
            job: self.job,
            ranges: match origin {
                Origin::Excerpt(excerpt) => &excerpt.ranges,
                Origin::Seek(_) => &[],
            },
        }
    }

    /// The error for a range in seconds from the slice's start.
    fn damaged(&self, range: Range<f64>) -> PermanentError {
        let start = f64::from(self.job.slice.slice.start);
        let (from, to) = (start + range.start, start + range.end);
        PermanentError::Damaged { from, to }
    }

    fn disordered(&self, range: Range<f64>) -> PermanentError {
        let start = f64::from(self.job.slice.slice.start);
        let (from, to) = (start + range.start, start + range.end);
        PermanentError::Disordered { from, to }
    }

    fn could_start_earlier(&self, origin: Origin<'_>) -> bool {
        origin.margin().unwrap_or(0) < self.job.slice.slice.start
    }
}

/// Up to where the packets behind all holes in a slice of `seconds` are, in seconds from the slice's start.
fn until_behind_holes(decoded: &Decoded, seconds: f64) -> f64 {
    let last = decoded.0.last().copied().unwrap_or(seconds);
    last.clamp(seconds, seconds + SOUGHT_BEHIND_SECONDS) + REORDERED_SECONDS
}

impl Origin<'_> {
    /// Whether it has no picture behind the slice.
    fn ends_with_slice(self) -> bool {
        matches!(self, Self::Excerpt(excerpt) if excerpt.demuxer == Demuxer::MpegTs)
    }

    fn margin(self) -> Option<u32> {
        match self {
            Self::Excerpt(_) => None,
            Self::Seek(margin) => Some(margin),
        }
    }
}

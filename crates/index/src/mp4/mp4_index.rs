//! The index of an MP4 or QuickTime file: the length of its video, and the excerpts of slices.

use std::ops::Range;

use bytes::Bytes;
use gifgen_reader::BlockCache;
use gifgen_shared::{Slice, Timeline, VideoStream, crop::ContainerCrop};

use super::{
    boxes::{none, truncated},
    clock::{Clock, Origin},
    cut::Cutter,
    edits::{CutList, EditList},
    fragment_listing::FragmentListing,
    fragment_walk,
    moof::FragmentSamples,
    moov::Moov,
    retimed::Retimed,
    sample::MAX_SAMPLES,
    samples::Samples,
    tables,
    top_level_boxes::TopLevelBoxes,
    track::Track,
    write::write,
};
use crate::{
    error::IndexError,
    excerpt::{Demuxer, Excerpt, Start},
    last_duration::usual_duration,
};

/// Most samples of one excerpt: a slice of 900 s at 240 pictures a second, and some before it.
const MAX_EXCERPT_SAMPLES: usize = 250_000;

/// Longest duration of the last picture, in seconds, that is believed if only the header of the track claims it.
const MAX_LAST_SECONDS: i64 = 10;

/// Pictures at the end of a file with tables may be missing for so long, in seconds.
const UNNOTICED_SECONDS: f64 = 0.15;

/// The video track of an MP4 or QuickTime file, and its samples.
#[derive(Debug)]
pub struct Mp4Index {
    pub(super) ftyp: Bytes,
    pub(super) track: Track,
    pub(super) samples: Samples,
    /// The dts at which the last sample ends.
    end_dts: i64,
    origin: Origin,
    pub(super) clock: Clock,
    /// From each dts to each at which samples are lost.
    lost: Vec<Range<i64>>,
    /// Whether FFmpeg would find other times than the film has.
    is_retimed: bool,
    /// Size of the file, in bytes.
    pub(super) bytes: u64,
}

/// What the tables or the fragments list.
#[derive(Debug)]
struct Listed {
    samples: Samples,
    /// The dts at which the last one ends.
    end_dts: i64,
    origin: Origin,
    lost: Vec<Range<i64>>,
    is_retimed: bool,
}

impl Mp4Index {
    /// Reads the index of the stream `video`.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn read(blocks: &BlockCache, video: &VideoStream) -> Result<Self, IndexError> {
        let boxes = TopLevelBoxes::read(blocks, video.index).await?;
        let content = boxes.moov.content.clone();
        let (track, stbl) = Track::parse(&content, video.index)?;
        let mut fragments = FragmentListing::new(&track, video.index);
        if let Some(at) = boxes.fragments_at {
            fragment_walk::read(blocks, at, &mut fragments).await?;
        }
        let found = fragments.found;
        let index = Self::new(boxes, track, stbl, found, video)?;
        index.check_end()?;
        Ok(index)
    }

    /// What the container cuts off the pictures.
    pub fn crop(&self) -> Option<ContainerCrop> {
        self.track.crop
    }

    /// As [`Self::read`], from the bytes of a file, which may be without its samples.
    ///
    /// # Errors
    /// If no index can be made.
    pub fn of(file: &[u8], video: &VideoStream) -> Result<Self, IndexError> {
        let boxes = TopLevelBoxes::of(file)?;
        let content = boxes.moov.content.clone();
        let (track, stbl) = Track::parse(&content, video.index)?;
        let mut fragments = FragmentListing::new(&track, video.index);
        fragments.has_segment_index = boxes.has_segment_index;
        boxes
            .moofs
            .iter()
            .try_for_each(|moof| fragments.add(moof))?;
        let found = fragments.found;
        Self::new(boxes, track, stbl, found, video)
    }

    fn new(
        mut boxes: TopLevelBoxes,
        track: Track,
        stbl: &[u8],
        fragments: Option<FragmentSamples>,
        video: &VideoStream,
    ) -> Result<Self, IndexError> {
        let listed = samples(fragments, &mut boxes.moov, &track, stbl)?;
        let (edits, timescale) = (track.plain_edits(), track.timescale);
        let mut clock = match &track.edits {
            Some(EditList::Cuts(_)) => Clock::of_the_film(timescale),
            _ => Clock::new(
                &listed.samples,
                edits,
                listed.origin,
                timescale,
                video.start_time,
            )?,
        };
        let shows_last = clock.show_last(&listed.samples, listed.end_dts);
        let index = Self {
            ftyp: boxes.ftyp,
            track,
            samples: listed.samples,
            end_dts: listed.end_dts,
            origin: listed.origin,
            clock,
            is_retimed: listed.is_retimed || !listed.lost.is_empty() || shows_last,
            lost: listed.lost,
            bytes: boxes.bytes,
        };
        match boxes.second_file {
            Some(at) => {
                let second = index.length().unwrap_or_default();
                let why = "a second recording starts there: split the file";
                Err(IndexError::not_whole(at, second, why))
            }
            None => Ok(index),
        }
    }

    /// Fails if the file breaks off before the end of its samples. Behind a fragment that is cut off there may have been
    /// more.
    fn check_end(&self) -> Result<(), IndexError> {
        if self.samples.end <= self.bytes {
            return Ok(());
        }
        let ticks = f64::from(self.track.timescale);
        let mut samples = self.samples.iter();
        let Some(first) = samples.find(|sample| sample.end() > self.bytes) else {
            return Ok(());
        };
        let lost = self.end_dts.saturating_sub(first.dts) as f64 / ticks;
        if self.origin == Origin::Fragments || lost > UNNOTICED_SECONDS {
            let second = self.clock.seconds(first.dts).max(0.0);
            return Err(truncated(self.bytes, second));
        }
        Ok(())
    }

    /// The edit list, if FFmpeg does not follow it.
    pub(super) fn cuts(&self) -> Option<&CutList> {
        match &self.track.edits {
            Some(EditList::Cuts(list)) => Some(list),
            _ => None,
        }
    }

    /// When the first picture is shown, if it is not when FFmpeg shows it.
    pub(crate) fn start_time(&self) -> Option<f64> {
        self.cuts().map(|_| 0.0)
    }

    /// How the film's times follow from the file, if FFmpeg would find others.
    pub(crate) fn timeline(&self) -> Option<Timeline> {
        (self.is_retimed || self.cuts().is_some()).then(Timeline::default)
    }

    /// The length in seconds, from the first picture to the end of the last. `None` if the samples do not tell, or the
    /// file is truncated.
    pub fn length(&self) -> Option<f64> {
        if self.samples.end > self.bytes {
            return None;
        }
        if let Some(list) = self.cuts() {
            return self.length_of(list);
        }
        let pictures = self.samples.iter().enumerate();
        let pictures = pictures.map(|(index, sample)| (sample.pts(), index, sample.size));
        let visible =
            pictures.filter(|(pts, _, size)| *size > 0 && self.clock.visible.contains(pts));
        let first = visible.clone().map(|(pts, ..)| pts).min()?;
        let (last, index, _) = visible.max()?;
        let ticks = last
            .saturating_add(self.last_duration(index)?)
            .saturating_sub(first);
        Some(ticks as f64 / f64::from(self.track.timescale)).filter(|seconds| *seconds > 0.0)
    }

    /// The length of a film with this edit list, in seconds.
    fn length_of(&self, list: &CutList) -> Option<f64> {
        let pictures = self.samples.iter().enumerate();
        let pictures = pictures.filter(|(_, sample)| sample.size > 0);
        let (last, index) = pictures
            .map(|(index, sample)| (sample.pts(), index))
            .max()?;
        let media_end = last.saturating_add(self.last_duration(index)?);
        let cut = list.cuts.last()?;
        let film_end = if cut.rate == 0 {
            cut.film.0.saturating_add(1)
        } else {
            cut.film_time(media_end, 1)
        };
        let end = match list.end {
            None => film_end,
            // The media may be a little shorter than the list says.
            Some(end) if end == cut.film.1 && cut.rate > 0 => end.min(film_end),
            Some(end) => end,
        };
        Some(end as f64 / f64::from(self.track.timescale)).filter(|seconds| *seconds > 0.0)
    }

    /// The duration of the picture that is shown last, the sample at `index`, in ticks.
    fn last_duration(&self, index: usize) -> Option<i64> {
        // Where pictures are reordered, durations are between one dts and the next, and the last one of a fragment
        // may be anything. FFmpeg goes by the frame rate then.
        let usual = || {
            let dts = self.samples.iter().map(|sample| sample.dts);
            usual_duration(dts, i64::from(self.track.timescale))
        };
        if self.origin == Origin::Fragments || self.samples.are_reordered {
            return usual();
        }
        let (start, end) = (self.dts(index), self.dts(index + 1));
        let claimed = self.track.duration.min(self.clock.visible.end);
        let longest = MAX_LAST_SECONDS * i64::from(self.track.timescale);
        // FFmpeg shows the last picture until the claimed end. A claim may be wrong, though.
        let is_believed = index + 1 == self.samples.len()
            && (1..=longest).contains(&claimed.saturating_sub(start));
        let end = if is_believed { claimed } else { end };
        match end.saturating_sub(start) {
            0 => usual(),
            duration => Some(duration),
        }
    }

    /// The excerpts of `slices`, each made when it is asked for. `None` stands for a slice that cannot be cut out.
    pub fn excerpts(&self, slices: &[Slice]) -> impl Iterator<Item = Option<Excerpt>> + Send {
        let cutter = Cutter::new(&self.samples, &self.clock);
        // Without keyframes each slice starts with the first sample: too much for a long film.
        let mut left = MAX_SAMPLES;
        let excerpt = move |slice: &Slice| {
            let written = if let Some(list) = self.cuts() {
                let retimed = Retimed {
                    ftyp: &self.ftyp,
                    track: &self.track,
                    list,
                    samples: &self.samples,
                    bytes: self.bytes,
                };
                retimed.write(slice, &cutter)?
            } else {
                let range = cutter.samples(slice)?;
                left = left.checked_sub(range.len())?;
                if range.len() > MAX_EXCERPT_SAMPLES {
                    return None;
                }
                write(
                    &self.ftyp,
                    &self.track,
                    &self.clock,
                    &self.samples.range(range.clone()),
                    self.dts(range.end),
                    self.bytes,
                )?
            };
            Some(Excerpt {
                demuxer: Demuxer::Mov,
                stream: 0,
                header: written.header,
                start: Start::Exact,
                ranges: written.ranges,
                until: 0,
                packets: None,
                lost: self.lost_in(slice),
            })
        };
        slices.iter().map(excerpt)
    }

    /// What is lost of `slice`, in milliseconds of the film.
    fn lost_in(&self, slice: &Slice) -> Vec<Range<u64>> {
        // The time from dts to pts is about the same for all pictures.
        let first = self.samples.get(0);
        let delay = first.map_or(0, |first| first.composition_offset);
        let lost = self.lost.iter().map(|lost| {
            let seconds = |dts: i64| self.clock.seconds(dts.saturating_add(i64::from(delay)));
            let ms = |dts| (seconds(dts) * 1e3).round().max(0.0) as u64;
            ms(lost.start)..ms(lost.end)
        });
        let (start, end) = (u64::from(slice.start) * 1000, (slice.end * 1e3) as u64);
        lost.filter(|lost| lost.start < end && lost.end > start)
            .collect()
    }

    /// The dts of the sample at `index`. Behind the last one, that is where the last one ends.
    pub(super) fn dts(&self, index: usize) -> i64 {
        let sample = self.samples.get(index);
        sample.map_or(self.end_dts, |sample| sample.dts)
    }
}

/// All samples of `track`, whose tables are `stbl`; the dts at which the last one ends; and where they are listed.
fn samples(
    fragments: Option<FragmentSamples>,
    moov: &mut Moov,
    track: &Track,
    stbl: &[u8],
) -> Result<Listed, IndexError> {
    let (mut samples, mut end) = (Samples::default(), 0);
    if !tables::are_empty(stbl) {
        (samples, end) = tables::samples(moov, stbl)?;
    }
    let Some(fragments) = fragments else {
        let origin = if track.only_shifts {
            Origin::ShiftedTables
        } else {
            Origin::Tables
        };
        return Ok(Listed {
            samples,
            end_dts: end,
            origin,
            lost: Vec::new(),
            is_retimed: false,
        });
    };
    // FFmpeg would give timestamps in two ways then, one for the tables and one for the fragments.
    if !samples.is_empty() {
        return Err(none("there are tables and fragments"));
    }
    Ok(Listed {
        end_dts: fragments.end.unwrap_or(0),
        samples: fragments.samples,
        origin: Origin::Fragments,
        lost: fragments.lost,
        is_retimed: fragments.is_retimed,
    })
}

//! The index of an MP4 or QuickTime file: the length of its video, and the excerpts of slices.

use bytes::Bytes;
use gifgen_reader::BlockCache;
use gifgen_shared::{Slice, VideoStream, crop::ContainerCrop};

use super::{
    boxes::none,
    clock::{Clock, Origin},
    cut::Cutter,
    moof::FragmentSamples,
    sample::{MAX_SAMPLES, Sample},
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

/// The video track of an MP4 or QuickTime file, and its samples.
#[derive(Debug)]
pub struct Mp4Index {
    ftyp: Bytes,
    track: Track,
    samples: Vec<Sample>,
    /// The dts at which the last sample ends.
    end_dts: i64,
    origin: Origin,
    clock: Clock,
    /// Size of the file, in bytes.
    bytes: u64,
}

impl Mp4Index {
    /// Reads the index of the stream `video`.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn read(blocks: &BlockCache, video: &VideoStream) -> Result<Self, IndexError> {
        Self::new(TopLevelBoxes::read(blocks).await?, video)
    }

    /// What the container cuts off the pictures.
    pub fn crop(&self) -> Option<ContainerCrop> {
        self.track.crop
    }

    /// As [`Self::read`], from the bytes of a file.
    ///
    /// # Errors
    /// If no index can be made.
    pub fn of(file: &[u8], video: &VideoStream) -> Result<Self, IndexError> {
        Self::new(TopLevelBoxes::of(file)?, video)
    }

    fn new(boxes: TopLevelBoxes, video: &VideoStream) -> Result<Self, IndexError> {
        let (track, stbl) = Track::parse(&boxes.moov, video.index)?;
        let (samples, end_dts, origin) = samples(&boxes, &track, stbl)?;
        let (edits, timescale) = (track.edits, track.timescale);
        let clock = Clock::new(&samples, edits, origin, timescale, video.start_time)?;
        Ok(Self {
            ftyp: boxes.ftyp,
            track,
            samples,
            end_dts,
            origin,
            clock,
            bytes: boxes.bytes,
        })
    }

    /// The length in seconds, from the first picture to the end of the last. `None` if the samples do not tell, or the
    /// file is truncated.
    pub fn length(&self) -> Option<f64> {
        if self.samples.iter().any(|sample| sample.end() > self.bytes) {
            return None;
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

    /// The duration of the picture that is shown last, the sample at `index`, in ticks.
    fn last_duration(&self, index: usize) -> Option<i64> {
        // Where pictures are reordered, durations are between one dts and the next, and the last one of a fragment
        // may be anything. FFmpeg goes by the frame rate then.
        let is_reordered = self
            .samples
            .iter()
            .any(|sample| sample.composition_offset != 0);
        if self.origin == Origin::Fragments || is_reordered {
            let dts = (0..self.samples.len()).map(|index| self.dts(index));
            return usual_duration(dts, i64::from(self.track.timescale));
        }
        let (start, end) = (self.dts(index), self.dts(index + 1));
        let claimed = self.track.duration.min(self.clock.visible.end);
        let longest = MAX_LAST_SECONDS * i64::from(self.track.timescale);
        // FFmpeg shows the last picture until the claimed end. A claim may be wrong, though.
        let is_believed = index + 1 == self.samples.len()
            && (0..=longest).contains(&claimed.saturating_sub(start));
        let end = if is_believed { claimed } else { end };
        Some(end.saturating_sub(start))
    }

    /// The excerpts of `slices`. `None` stands for a slice that cannot be cut out.
    pub fn excerpts(&self, slices: &[Slice]) -> Vec<Option<Excerpt>> {
        let cutter = Cutter::new(&self.samples, &self.clock);
        // Without keyframes each slice starts with the first sample: too much for a long film.
        let mut left = MAX_SAMPLES;
        let excerpt = |slice: &Slice| {
            let range = cutter.samples(slice)?;
            left = left.checked_sub(range.len())?;
            if range.len() > MAX_EXCERPT_SAMPLES {
                return None;
            }
            let written = write(
                &self.ftyp,
                &self.track,
                &self.clock,
                &self.samples[range.clone()],
                self.dts(range.end),
                self.bytes,
            )?;
            Some(Excerpt {
                demuxer: Demuxer::Mov,
                stream: 0,
                header: written.header,
                start: Start::Exact,
                ranges: written.ranges,
                until: 0,
            })
        };
        slices.iter().map(excerpt).collect()
    }

    /// The dts of the sample at `index`. Behind the last one, that is where the last one ends.
    fn dts(&self, index: usize) -> i64 {
        let sample = self.samples.get(index);
        sample.map_or(self.end_dts, |sample| sample.dts)
    }
}

/// All samples of `track`, whose tables are `stbl`; the dts at which the last one ends; and where they are listed.
fn samples(
    boxes: &TopLevelBoxes,
    track: &Track,
    stbl: &[u8],
) -> Result<(Vec<Sample>, i64, Origin), IndexError> {
    let (mut samples, mut end) = (Vec::new(), 0);
    if !tables::are_empty(stbl) {
        (samples, end) = tables::samples(stbl)?;
    }
    let Some(defaults) = track
        .defaults
        .clone()
        .filter(|_| !boxes.fragments.moofs.is_empty())
    else {
        let shifts = track.only_shifts;
        let origin = if shifts {
            Origin::ShiftedTables
        } else {
            Origin::Tables
        };
        return Ok((samples, end, origin));
    };
    // FFmpeg would give timestamps in two ways then, one for the tables and one for the fragments.
    if !samples.is_empty() {
        return Err(none("there are tables and fragments"));
    }
    // FFmpeg goes by the segment index where a fragment has no dts of its own.
    let start = (!boxes.fragments.has_segment_index).then_some(0);
    let mut fragments = FragmentSamples::new(start, defaults);
    for (at, moof) in &boxes.fragments.moofs {
        fragments.add(*at, moof)?;
    }
    let end = fragments.end.unwrap_or(0);
    Ok((fragments.samples, end, Origin::Fragments))
}

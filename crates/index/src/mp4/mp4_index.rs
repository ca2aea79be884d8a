//! What a file says of its pictures: how long they last, and the excerpts of slices.

use bytes::Bytes;
use gifgen_reader::block_cache::BlockCache;
use gifgen_shared::{slice::Slice, video_stream::VideoStream};

use super::{
    boxes::none,
    clock::{Clock, Origin},
    cut::Cutter,
    moof::Fragments,
    sample::{MOST_SAMPLES, Sample},
    tables,
    top_level_boxes::TopLevelBoxes,
    track::Track,
    write::write,
};
use crate::{
    container_index::IndexError,
    excerpt::{Demuxer, Excerpt, Start},
    last_duration::usual_step,
};

/// Most samples of one excerpt: a slice of 900 s at 240 pictures a second, and some before it.
const MOST_IN_ONE: usize = 250_000;

/// Longest time, in seconds, for which the last picture is believed to stand if only the header of the
/// track says so.
const LONGEST_LAST_SECONDS: i64 = 10;

/// The video of an MP4 or QuickTime file, with the times of its pictures.
#[derive(Debug)]
pub struct Mp4Index {
    ftyp: Bytes,
    track: Track,
    samples: Vec<Sample>,
    /// When the last one ends, in ticks of decoding.
    end: i64,
    origin: Origin,
    clock: Clock,
    /// Size of the file, in bytes.
    bytes: u64,
}

impl Mp4Index {
    /// Reads what a file says of the stream `video`.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn read(blocks: &BlockCache, video: &VideoStream) -> Result<Self, IndexError> {
        Self::new(TopLevelBoxes::read(blocks).await?, video)
    }

    /// As [`Self::read`], of a file that is at hand.
    ///
    /// # Errors
    /// If no index can be made.
    pub fn of(file: &[u8], video: &VideoStream) -> Result<Self, IndexError> {
        Self::new(TopLevelBoxes::of(file)?, video)
    }

    fn new(parts: TopLevelBoxes, video: &VideoStream) -> Result<Self, IndexError> {
        let (track, stbl) = Track::parse(&parts.moov, video.index)?;
        let (samples, end, origin) = samples(&parts, &track, stbl)?;
        let (edits, timescale) = (track.edits, track.timescale);
        let clock = Clock::new(&samples, edits, origin, timescale, video.start_time)?;
        Ok(Self {
            ftyp: parts.ftyp,
            track,
            samples,
            end,
            origin,
            clock,
            bytes: parts.bytes,
        })
    }

    /// The length in seconds: from the first picture to the end of the last. `None` if it cannot be
    /// told, or the file breaks off before that.
    pub fn length(&self) -> Option<f64> {
        if self.samples.iter().any(|sample| sample.end() > self.bytes) {
            return None;
        }
        let shown = self.samples.iter().enumerate();
        let shown = shown.map(|(place, sample)| (sample.shown(), place, sample.size));
        let shown = shown.filter(|(at, _, size)| *size > 0 && self.clock.shown.contains(at));
        let first = shown.clone().map(|(at, ..)| at).min()?;
        let (last, place, _) = shown.max()?;
        let ticks = last
            .saturating_add(self.last_stands(place)?)
            .saturating_sub(first);
        Some(ticks as f64 / f64::from(self.track.timescale)).filter(|seconds| *seconds > 0.0)
    }

    /// How long the picture at `place`, the last one that is shown, stands, in ticks.
    fn last_stands(&self, place: usize) -> Option<i64> {
        // Where pictures are reordered, lengths are those of decoding, and the last one of a fragment
        // may be anything: FFmpeg goes by the rate then.
        let is_reordered = self.samples.iter().any(|sample| sample.delay != 0);
        if self.origin == Origin::Fragments || is_reordered {
            let places = 0..self.samples.len();
            let starts = places.map(|place| self.decoded(place));
            return usual_step(starts, i64::from(self.track.timescale));
        }
        let (start, end) = (self.decoded(place), self.decoded(place + 1));
        let claimed = self.track.length.min(self.clock.shown.end);
        let longest = LONGEST_LAST_SECONDS * i64::from(self.track.timescale);
        // FFmpeg takes the last one to stand until the claimed end. Claims are cheap, though.
        let is_believed = place + 1 == self.samples.len()
            && (0..=longest).contains(&claimed.saturating_sub(start));
        let end = if is_believed { claimed } else { end };
        Some(end.saturating_sub(start))
    }

    /// The excerpts of `slices`. `None` stands for a slice that cannot be cut out.
    pub fn excerpts(&self, slices: &[Slice]) -> Vec<Option<Excerpt>> {
        let cutter = Cutter::new(&self.samples, &self.clock);
        // Without keyframes each slice starts with the first sample: too much for a long film.
        let mut left = MOST_SAMPLES;
        let excerpt = |slice: &Slice| {
            let range = cutter.samples(slice)?;
            left = left.checked_sub(range.len())?;
            if range.len() > MOST_IN_ONE {
                return None;
            }
            let written = write(
                &self.ftyp,
                &self.track,
                &self.clock,
                &self.samples[range.clone()],
                self.decoded(range.end),
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

    /// When the sample at `place` is decoded; behind the last one that is its end.
    fn decoded(&self, place: usize) -> i64 {
        let sample = self.samples.get(place);
        sample.map_or(self.end, |sample| sample.decoded)
    }
}

/// All samples of `track`, whose tables are `stbl`, when the last one ends, and how they came to be
/// known.
fn samples(
    parts: &TopLevelBoxes,
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
        .filter(|_| !parts.fragments.is_empty())
    else {
        let shifts = track.only_shifts;
        let origin = if shifts {
            Origin::ShiftedTables
        } else {
            Origin::Tables
        };
        return Ok((samples, end, origin));
    };
    // FFmpeg times the samples of the tables and those of the fragments in different ways then.
    if !samples.is_empty() {
        return Err(none("there are tables and fragments"));
    }
    // FFmpeg goes by the segment index where a fragment has no time of its own.
    let start = (!parts.has_segment_index).then_some(0);
    let mut fragments = Fragments::after(samples, start, defaults);
    for (at, moof) in &parts.fragments {
        fragments.add(*at, moof)?;
    }
    let end = fragments.end.unwrap_or(0);
    Ok((fragments.samples, end, Origin::Fragments))
}

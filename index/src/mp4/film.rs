//! What a file says of its pictures: how long they last, and the excerpts of slices.

use std::collections::HashMap;

use gifgen_reader::blocks::Blocks;
use gifgen_shared::{slice::Slice, video_stream::VideoStream};

use super::{
    boxes::none,
    clock::{Clock, Origin},
    cut::Cutter,
    moof::Fragments,
    parts::Parts,
    sample::{MOST_SAMPLES, Sample},
    tables,
    track::Track,
    write::write,
};
use crate::{
    excerpt::{Demuxer, Excerpt, Start},
    index::IndexError,
};

/// Most samples of one excerpt: a slice of 900 s at 240 pictures a second, and some before it.
const MOST_IN_ONE: usize = 250_000;

/// Longest time, in seconds, for which the last picture is believed to stand if only the header of the
/// track says so.
const LONGEST_LAST_SECONDS: i64 = 10;

/// What an MP4 or QuickTime file says of itself.
#[derive(Debug)]
pub struct Index(Parts);

impl Index {
    /// Reads it.
    ///
    /// # Errors
    /// If the source cannot be read, or no index can be made.
    pub async fn read(blocks: &Blocks) -> Result<Self, IndexError> {
        Parts::read(blocks).await.map(Self)
    }

    /// As [`Self::read`], of a file that is at hand.
    ///
    /// # Errors
    /// If no index can be made.
    pub fn of(file: &[u8]) -> Result<Self, IndexError> {
        Parts::of(file).map(Self)
    }

    /// The length of the stream `video`, in seconds: from its first picture to the end of its last.
    ///
    /// # Errors
    /// If it cannot be told, or the file breaks off before that.
    pub fn length(&self, video: &VideoStream) -> Result<f64, IndexError> {
        let Self(parts) = self;
        let film = Film::of(parts, video)?;
        if film.samples.iter().any(|sample| sample.end() > parts.bytes) {
            return Err(none("the file breaks off"));
        }
        film.length().ok_or_else(|| none("no picture is shown"))
    }

    /// The excerpts of `slices`, whose stream `video` is rendered. `None` stands for a slice that
    /// cannot be cut out.
    ///
    /// # Errors
    /// If no index can be made.
    pub fn excerpts(
        &self,
        video: &VideoStream,
        slices: &[Slice],
    ) -> Result<Vec<Option<Excerpt>>, IndexError> {
        let Self(parts) = self;
        let film = Film::of(parts, video)?;
        let cutter = Cutter::new(&film.samples, &film.clock, video.start_time);
        // Without keyframes each slice starts with the first sample: too much for a long film.
        let mut left = MOST_SAMPLES;
        let excerpt = |slice: &Slice| {
            let range = cutter.samples(slice)?;
            left = left.checked_sub(range.len())?;
            if range.len() > MOST_IN_ONE {
                return None;
            }
            let written = write(
                &parts.ftyp,
                &film.track,
                &film.clock,
                &film.samples[range.clone()],
                film.decoded(range.end),
                parts.bytes,
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
        Ok(slices.iter().map(excerpt).collect())
    }
}

/// One track, with the times of its pictures.
struct Film<'a> {
    track: Track<'a>,
    samples: Vec<Sample>,
    /// When the last one ends, in ticks of decoding.
    end: i64,
    origin: Origin,
    clock: Clock,
}

impl<'a> Film<'a> {
    fn of(parts: &'a Parts, video: &VideoStream) -> Result<Self, IndexError> {
        let track = Track::parse(&parts.moov, video.index)?;
        let (samples, end, origin) = samples(parts, &track)?;
        let (edits, timescale) = (track.edits, track.timescale);
        let clock = Clock::new(&samples, edits, origin, timescale, video.start_time)?;
        Ok(Self {
            track,
            samples,
            end,
            origin,
            clock,
        })
    }

    /// When the sample at `place` is decoded; behind the last one that is its end.
    fn decoded(&self, place: usize) -> i64 {
        let sample = self.samples.get(place);
        sample.map_or(self.end, |sample| sample.decoded)
    }

    fn length(&self) -> Option<f64> {
        let shown = self.samples.iter().enumerate();
        let shown = shown.map(|(place, sample)| (sample.shown(), place, sample.size));
        let shown = shown.filter(|(at, _, size)| *size > 0 && self.clock.shown.contains(at));
        let first = shown.clone().map(|(at, ..)| at).min()?;
        let (last, place, _) = shown.max()?;
        let is_last = place + 1 == self.samples.len();
        let claimed = self.track.length.min(self.clock.shown.end);
        let longest = LONGEST_LAST_SECONDS * i64::from(self.track.timescale);
        let stands = claimed.saturating_sub(self.decoded(place));
        let until = match self.decoded(place + 1) {
            // FFmpeg takes the last one to stand until the claimed end. Claims are cheap, though.
            _ if is_last && (0..=longest).contains(&stands) => claimed,
            until => until,
        };
        let stands = until.saturating_sub(self.decoded(place));
        // Where pictures are reordered, lengths are those of decoding, and the last one of a fragment
        // may be anything: FFmpeg goes by the rate then.
        let is_plain =
            self.origin != Origin::Fragments && self.samples.iter().all(|sample| sample.delay == 0);
        let stands = if is_plain { stands } else { self.usual_step()? };
        let ticks = last.saturating_add(stands).saturating_sub(first);
        Some(ticks as f64 / f64::from(self.track.timescale)).filter(|seconds| *seconds > 0.0)
    }

    /// The step between two samples that is most common.
    fn usual_step(&self) -> Option<i64> {
        let mut counts: HashMap<i64, u32> = HashMap::new();
        for place in 1..self.samples.len().max(2) {
            *counts
                .entry(self.decoded(place) - self.decoded(place - 1))
                .or_default() += 1;
        }
        let (step, _) = counts
            .into_iter()
            .max_by_key(|(step, count)| (*count, *step))?;
        Some(step)
    }
}

/// All samples of `track`, when the last one ends, and how they came to be known.
fn samples(parts: &Parts, track: &Track<'_>) -> Result<(Vec<Sample>, i64, Origin), IndexError> {
    let (mut samples, mut end) = (Vec::new(), 0);
    if !tables::are_empty(track.stbl) {
        (samples, end) = tables::samples(track.stbl)?;
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

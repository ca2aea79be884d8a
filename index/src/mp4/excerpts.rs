//! From what was read of a file to the excerpts of its slices.

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

/// The excerpts of `slices` of an MP4 or QuickTime file whose stream `video` is rendered. `None` stands
/// for a slice that cannot be cut out.
///
/// # Errors
/// If the source cannot be read, or no index can be made.
pub async fn excerpts(
    blocks: &Blocks,
    video: &VideoStream,
    slices: &[Slice],
) -> Result<Vec<Option<Excerpt>>, IndexError> {
    cut(&Parts::read(blocks).await?, video, slices)
}

/// As [`excerpts`], of a file that is at hand.
///
/// # Errors
/// If no index can be made.
pub fn excerpts_of(
    file: &[u8],
    video: &VideoStream,
    slices: &[Slice],
) -> Result<Vec<Option<Excerpt>>, IndexError> {
    cut(&Parts::of(file)?, video, slices)
}

fn cut(
    parts: &Parts,
    video: &VideoStream,
    slices: &[Slice],
) -> Result<Vec<Option<Excerpt>>, IndexError> {
    let track = Track::parse(&parts.moov, video.index)?;
    let (samples, end, origin) = samples(parts, &track)?;
    let start_time = video.start_time;
    let clock = Clock::new(&samples, track.edits, origin, track.timescale, start_time)?;
    let cutter = Cutter::new(&samples, &clock, start_time);
    // Without keyframes each slice starts with the first sample: too much for a long film.
    let mut left = MOST_SAMPLES;
    let excerpt = |slice: &Slice| {
        let range = cutter.samples(slice)?;
        left = left.checked_sub(range.len())?;
        if range.len() > MOST_IN_ONE {
            return None;
        }
        let next = samples.get(range.end).map_or(end, |next| next.decoded);
        let written = write(
            &parts.ftyp,
            &track,
            &clock,
            &samples[range],
            next,
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

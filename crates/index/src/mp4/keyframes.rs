//! The keyframes of a film, and excerpts of nothing else.

use super::{mp4_index::Mp4Index, sample::Sample, write::write};
use crate::excerpt::{Demuxer, Excerpt, Start};

/// A keyframe, by its place among the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyframe(usize);

impl Mp4Index {
    /// The keyframes that are shown, each with its time in seconds of the film, in order. `None` if FFmpeg does not
    /// follow the film's edit list.
    pub fn keyframes(&self) -> Option<impl Iterator<Item = (f64, Keyframe)>> {
        if self.cuts().is_some() {
            return None;
        }
        let mut latest = i64::MIN;
        let places = self.samples.iter().enumerate();
        let shown = places.filter(move |(_, sample)| {
            let is_later = sample.pts() > latest;
            let is_shown = sample.is_keyframe() && self.clock.visible.contains(&sample.pts());
            if is_shown {
                latest = latest.max(sample.pts());
            }
            is_shown && is_later
        });
        Some(shown.map(|(place, sample)| (self.clock.seconds(sample.pts()), Keyframe(place))))
    }

    /// The excerpt that has only these `keyframes`, which are in order. `None` if they cannot be cut out.
    pub fn excerpt_of(&self, keyframes: &[Keyframe]) -> Option<Excerpt> {
        let samples = keyframes
            .iter()
            .map(|keyframe| self.samples.get(keyframe.0));
        let samples: Vec<Sample> = samples.collect::<Option<_>>()?;
        let behind = self.dts(keyframes.last()?.0 + 1);
        let (ftyp, track, clock) = (&self.ftyp, &self.track, &self.clock);
        let written = write(ftyp, track, clock, &samples, behind, self.bytes)?;
        Some(Excerpt {
            demuxer: Demuxer::Mov,
            stream: 0,
            header: written.header,
            start: Start::Exact,
            ranges: written.ranges,
            until: 0,
            packets: None,
            lost: Vec::new(),
        })
    }
}

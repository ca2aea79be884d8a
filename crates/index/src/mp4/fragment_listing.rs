//! The samples that the fragments of a file list, one fragment after the other.

use super::{boxes::truncated, fragment_walk::Moof, moof::FragmentSamples, tables, track::Track};
use crate::error::IndexError;

/// Collects the samples of a track from fragments in order.
#[derive(Debug)]
pub(super) struct FragmentListing<'a> {
    track: &'a Track,
    /// FFmpeg's index of the track.
    stream: u32,
    /// Whether there is a segment index (`sidx`).
    pub(super) has_segment_index: bool,
    /// `None` if there is no fragment, or if the track can have none.
    pub(super) found: Option<FragmentSamples>,
}

impl<'a> FragmentListing<'a> {
    /// No fragments of `track`, which is FFmpeg's stream `stream`.
    pub(super) fn new(track: &'a Track, stream: u32) -> Self {
        Self {
            track,
            stream,
            has_segment_index: false,
            found: None,
        }
    }

    /// Forgets all fragments.
    pub(super) fn restart(&mut self) {
        self.found = None;
    }

    /// Adds the next fragment, or the start of another recording.
    pub(super) fn add(&mut self, moof: &Moof) -> Result<(), IndexError> {
        let Some(defaults) = &self.track.defaults else {
            return Ok(());
        };
        let timescale = self.track.timescale;
        // FFmpeg goes by the segment index where a fragment has no dts of its own.
        let start = (!self.has_segment_index).then_some(0);
        let new = || FragmentSamples::new(start, defaults.clone(), timescale);
        let found = self.found.get_or_insert_with(new);
        let second = |found: &FragmentSamples| found.end.unwrap_or(0) as f64 / f64::from(timescale);
        if moof.is_cut_off {
            return Err(truncated(moof.at, second(found)));
        }
        if !moof.is_moov {
            return found.add(moof.at, &moof.content, moof.is_behind_hole);
        }
        let (other, stbl) = Track::parse(&moof.content, self.stream)?;
        if !self.track.is_followed_by(&other) || !tables::are_empty(stbl) {
            let why = "a second recording starts there, in another format: split the file";
            return Err(IndexError::not_whole(moof.at, second(found), why));
        }
        found.restart(other.defaults);
        Ok(())
    }
}

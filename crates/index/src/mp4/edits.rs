//! The edit list: which part of the media is shown, and when.

use mp4_atom::Elst;

use super::boxes::{content, none, number, only};
use crate::error::IndexError;

/// Timestamps are below this, in ticks, so that they can be added up.
const MAX_TICKS: u64 = 1 << 53;

/// An edit list: at first nothing is shown, then one piece of the media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edits {
    /// How long nothing is shown, in ticks of the media.
    pub(super) empty: i64,
    /// Where the piece starts in the media.
    pub(super) start: i64,
    /// Duration of the piece. In fragmented files 0 stands for all the rest.
    pub(super) duration: i64,
}

/// The edits of `trak`. `None` if it has no edit list. `movie` is the timescale of the movie, `media` that of the
/// track.
pub(super) fn edits(trak: &[u8], movie: u32, media: u32) -> Result<Option<Edits>, IndexError> {
    let Some(edts) = only(trak, b"edts")? else {
        return Ok(None);
    };
    let Some(elst) = only(edts.body, b"elst")? else {
        return Ok(None);
    };
    let length = if elst.body.first() == Some(&1) {
        20
    } else {
        12
    };
    let count = number(elst.body, 4).unwrap_or(0) as usize;
    if count == 0 {
        return Ok(None);
    }
    // FFmpeg goes by the length of the box.
    if elst.body.len() != count.saturating_mul(length).saturating_add(8) || movie == 0 {
        return Err(none("the edit list is strange"));
    }
    let entries = content::<Elst>(elst.body)?.entries;
    let is_ordinary = |entry: &mp4_atom::ElstEntry| {
        entry.media_rate.integer() == 1
            && entry.media_rate.decimal() == 0
            && entry.segment_duration < MAX_TICKS
            && entry.media_time.is_none_or(|time| time < MAX_TICKS)
    };
    let mut edits = Edits::default();
    let Some((piece, empty)) = entries.split_last() else {
        return Ok(None);
    };
    let all_empty = empty.iter().all(|entry| entry.media_time.is_none());
    let (Some(start), true, true) = (piece.media_time, all_empty, empty.len() < 2) else {
        return Err(none("the edit list has several pieces"));
    };
    if !entries.iter().all(is_ordinary) {
        return Err(none("the edit list changes the speed"));
    }
    if let Some(empty) = empty.first() {
        edits.empty = rescale(empty.segment_duration, media, movie);
    }
    edits.start = start as i64;
    edits.duration = rescale(piece.segment_duration, media, movie);
    Ok(Some(edits))
}

/// Rounds to the nearest, as FFmpeg does.
fn rescale(ticks: u64, to: u32, from: u32) -> i64 {
    let half = u128::from(from / 2);
    let scaled = (u128::from(ticks) * u128::from(to) + half) / u128::from(from.max(1));
    i64::try_from(scaled)
        .unwrap_or(i64::MAX / 4)
        .min(i64::MAX / 4)
}

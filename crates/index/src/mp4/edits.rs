//! The edit list: which part of the media is shown, and when.

use mp4_atom::{Elst, ElstEntry};

use super::{
    boxes::{content, none, number, only},
    cuts::{Cut, NORMAL},
};
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

/// What an edit list says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EditList {
    /// What FFmpeg follows.
    Plain(Edits),
    /// What it does not.
    Cuts(CutList),
}

/// The pieces of a film whose edit list FFmpeg does not follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CutList {
    pub(super) cuts: Vec<Cut>,
    /// When the film ends, in ticks of the media. `None` stands for the end of the media.
    pub(super) end: Option<i64>,
}

/// Most entries of a list.
const MAX_ENTRIES: usize = 10_000;

/// The edits of `trak`. `None` if it has no edit list. `movie` is the timescale of the movie, `media` that of the
/// track. If `is_fragmented`, a duration of 0 is nothing special.
pub(super) fn edits(
    trak: &[u8],
    movie: u32,
    media: u32,
    is_fragmented: bool,
) -> Result<Option<EditList>, IndexError> {
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
    if elst.body.len() != count.saturating_mul(length).saturating_add(8)
        || movie == 0
        || count > MAX_ENTRIES
    {
        return Err(none("the edit list is strange"));
    }
    let entries = content::<Elst>(elst.body)?.entries;
    let is_possible = |entry: &ElstEntry| {
        entry.segment_duration < MAX_TICKS && entry.media_time.is_none_or(|time| time < MAX_TICKS)
    };
    if !entries.iter().all(is_possible) {
        return Err(none("the edit list is strange"));
    }
    let is_normal = |entry: &ElstEntry| rate(entry) == NORMAL;
    let Some((piece, empty)) = entries.split_last() else {
        return Ok(None);
    };
    let all_empty = empty.iter().all(|entry| entry.media_time.is_none());
    let lasts = is_fragmented || piece.segment_duration > 0;
    if let (Some(start), true) = (piece.media_time, all_empty && empty.len() < 2 && lasts)
        && is_normal(piece)
    {
        let empty = empty.first().map_or(0, |empty| empty.segment_duration);
        return Ok(Some(EditList::Plain(Edits {
            empty: rescale(empty, media, movie),
            start: start as i64,
            duration: rescale(piece.segment_duration, media, movie),
        })));
    }
    cuts(&entries, movie, media).map(|cuts| Some(EditList::Cuts(cuts)))
}

/// The pieces of a list of several, or of another speed.
fn cuts(entries: &[ElstEntry], movie: u32, media: u32) -> Result<CutList, IndexError> {
    let mut cuts: Vec<Cut> = Vec::new();
    let mut at = 0u64;
    for (index, entry) in entries.iter().enumerate() {
        let is_last = index + 1 == entries.len();
        let start = at;
        at = at.saturating_add(entry.segment_duration).min(MAX_TICKS);
        let Some(time) = entry.media_time else {
            // The film starts with its first picture.
            if cuts.is_empty() {
                at = 0;
            }
            continue;
        };
        if rate(entry) < 0 {
            let why = "its edit list plays it backwards";
            return Err(IndexError::not_whole(
                0,
                start as f64 / f64::from(movie),
                why,
            ));
        }
        let is_open = entry.segment_duration == 0;
        if is_open && !is_last {
            continue;
        }
        let end = if is_open {
            i64::MAX
        } else {
            rescale(at, media, movie)
        };
        cuts.push(Cut {
            film: (rescale(start, media, movie), end),
            media: time as i64,
            rate: rate(entry),
        });
    }
    let is_open = cuts.last().is_some_and(|cut| cut.film.1 == i64::MAX);
    if cuts.is_empty() {
        return Err(none("the edit list shows nothing"));
    }
    let end = (!is_open).then(|| rescale(at, media, movie));
    Ok(CutList { cuts, end })
}

/// The speed, in 1/65,536.
fn rate(entry: &ElstEntry) -> i64 {
    i64::from(entry.media_rate.integer()) * NORMAL + i64::from(entry.media_rate.decimal() as u16)
}

/// Rounds to the nearest, as FFmpeg does.
fn rescale(ticks: u64, to: u32, from: u32) -> i64 {
    let half = u128::from(from / 2);
    let scaled = (u128::from(ticks) * u128::from(to) + half) / u128::from(from.max(1));
    i64::try_from(scaled)
        .unwrap_or(i64::MAX / 4)
        .min(i64::MAX / 4)
}

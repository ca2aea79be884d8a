//! Whether the cues of a Matroska file name all of its keyframes.
//!
//! Some writers name one keyframe a cluster, or one each few seconds. A film with such cues looks like one with few
//! keyframes. What is stored between two of them tells which it is.

use std::{ops::Range, sync::Arc};

use gifgen_reader::{ReadError, Reader};
use gifgen_shared::{
    VideoStream,
    overview::{Sheet, tiles},
};

use super::{pictures::Pictures, sheet_tile::rounded, walk::Walk};
use crate::{decoder_restart::DecoderSetup, matroska::Head};

/// If this part of the slots have cues of their own, no slot needs keyframes that cues do not name.
const MOST: f64 = 0.9;

/// Most bytes between two cues that are read: 13 s of 10 Mbit/s.
const MAX_GAP_BYTES: u64 = 16 * 1024 * 1024;

/// Pictures are not shown later than so many seconds after those that are stored behind them.
const MAX_REORDERED_SECONDS: f64 = 2.0;

/// What is stored from a cue to the next one, or to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Gap {
    bytes: Range<u64>,
    /// In ticks of the file. Neither end is in it.
    after: i64,
    before: i64,
}

/// Whether the cues in `head` name so many keyframes that nobody needs to search others.
///
/// # Errors
/// If the source cannot be read.
pub(super) async fn are_enough(
    reader: &Arc<Reader>,
    head: &Head,
    video: &VideoStream,
    length: f64,
    sheets: &[Sheet],
) -> Result<bool, ReadError> {
    let interval = sheets.first().map_or(1, |sheet| sheet.interval);
    let clock = head.clock(video);
    let cues = head
        .cues
        .iter()
        .map(|cue| (rounded(clock.seconds(cue.pts)), ()));
    let tiles = tiles(length, interval, cues.filter(|(at, ())| *at >= 0.0));
    let keyed = tiles.iter().filter(|tile| tile.keyframe.is_some()).count() as f64;
    if keyed >= (length / f64::from(interval)).ceil() * MOST {
        return Ok(true);
    }
    match longest(&gaps(head, clock.pts(length))) {
        Some(gap) => {
            let late = clock.span(MAX_REORDERED_SECONDS);
            is_without_keyframes(reader, head, gap, late).await
        }
        None => Ok(false),
    }
}

/// The gaps behind all cues of a film that ends at the pts `end`.
fn gaps(head: &Head, end: i64) -> Vec<Gap> {
    let start = |offset: u64| head.segment.saturating_add(offset);
    let cues = head
        .cues
        .iter()
        .map(|cue| (cue.pts, start(cue.cluster_offset)));
    let ends = cues.clone().skip(1).chain([(end, head.clusters.end)]);
    let gaps = cues.zip(ends).map(|((after, from), (before, to))| Gap {
        bytes: from..to,
        after,
        before,
    });
    gaps.collect()
}

/// The one that takes the longest time, as far as it can be read. It hides most.
fn longest(gaps: &[Gap]) -> Option<&Gap> {
    let is_short = |gap: &&Gap| {
        let bytes = gap.bytes.end.checked_sub(gap.bytes.start);
        bytes.is_some_and(|bytes| bytes <= MAX_GAP_BYTES)
    };
    let gaps = gaps.iter().filter(is_short);
    gaps.max_by_key(|gap| gap.before.saturating_sub(gap.after))
}

/// Whether no keyframe is in `gap`. Pictures may be shown by `late` ticks later than others that are stored behind them.
async fn is_without_keyframes(
    reader: &Arc<Reader>,
    head: &Head,
    gap: &Gap,
    late: i64,
) -> Result<bool, ReadError> {
    let pictures = Pictures::Matroska {
        track: head.track.number,
        decoder_setup: DecoderSetup::Other,
    };
    // Both cues may lead into one cluster, so the end of the bytes is not that of the gap.
    let mut walk = Walk::new(reader, &pictures, gap.bytes.start..head.clusters.end);
    walk.allow(MAX_GAP_BYTES);
    while let Some(picture) = walk.peek().await? {
        let is_behind = picture.pts >= gap.before;
        if picture.is_keyframe && picture.pts > gap.after && !is_behind {
            return Ok(false);
        }
        if is_behind && (picture.is_keyframe || picture.pts - gap.before > late) {
            return Ok(true);
        }
        walk.pass();
    }
    Ok(walk.is_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_that_takes_the_longest_is_read_unless_it_has_too_many_bytes() {
        let gap = |bytes: u64, ticks: i64| Gap {
            bytes: 100..100 + bytes,
            after: 7,
            before: 7 + ticks,
        };
        let gaps = [
            gap(5, 10),
            gap(MAX_GAP_BYTES + 1, 30),
            gap(MAX_GAP_BYTES, 20),
        ];
        assert_eq!(longest(&gaps), Some(&gaps[2]));
        assert_eq!(longest(&gaps[1..2]), None);
        // Backwards.
        let bytes = Range { start: 9, end: 5 };
        assert_eq!(longest(&[Gap { bytes, ..gap(1, 9) }]), None);
    }
}

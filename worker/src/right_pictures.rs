//! Which pictures of a slice are right.
//!
//! A picture is right if its decoder did not conceal errors in it, and if it could be decoded from a
//! keyframe on. FFmpeg's decoders mark concealed errors, but not the pictures that refer to such a
//! picture. So after a marked picture all are wrong until the next keyframe.

use std::{iter, ops::Range};

use gifgen_probe::{LoggedPicture, PictureKind};

use crate::decoded::{LONGEST_GAP_SECONDS, is_hole, is_local_hole, usual_distance};

/// Pictures between two refusals of packets that are closer than this, in seconds, are wrong: decoders of VP8,
/// VP9, AV1 and HEVC refuse part of what is noise, and make pictures of the rest without a mark.
const DISTRUSTED_SECONDS: f64 = 1.0;

/// Most pictures that are presented before one that is decoded before them.
const REORDERED: usize = 16;

/// With which pictures decoding can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With keyframes.
    Keyframes,
    /// With the first one, which the container calls a keyframe. Which others are is not known.
    First,
    /// With the first one, for there are no keyframes.
    Anywhere,
}

/// Which pictures of a slice of so many `seconds` are right. `times` are in order.
pub(crate) fn right_pictures(
    logged: &[LoggedPicture],
    times: &[f64],
    seconds: f64,
    faults: &Faults,
    start: Start,
) -> Vec<bool> {
    let refers_backwards = logged
        .iter()
        .any(|picture| picture.kind == PictureKind::Predicted);
    let mut right: Vec<bool> = Vec::with_capacity(logged.len());
    // Nothing before the first picture is known to be wrong, but it must be a keyframe.
    let mut is_waiting = start != Start::Anywhere;
    let mut recovers = false;
    // Each picture tells of itself alone if it refers to no other one.
    let refers = logged.iter().any(|picture| !picture.is_keyframe);
    let mut last_lost: Option<usize> = None;
    let Faults { losses, marked, .. } = faults;
    for (n, picture) in logged.iter().enumerate() {
        if losses[n] {
            (is_waiting, recovers) = (true, false);
            if let Some(last) = last_lost.replace(n)
                && (refers && times[n] - times[last] < DISTRUSTED_SECONDS
                    || is_island(times, last..n, times[n], faults.usual_distance))
            {
                right[last..].fill(false);
            }
        }
        if marked[n] {
            if !is_waiting && refers_backwards && picture.kind != PictureKind::Between {
                // Those that are presented before it may refer to it.
                let before = (n.saturating_sub(REORDERED)..n).rev();
                for m in before.take_while(|m| logged[*m].kind == PictureKind::Between) {
                    right[m] = false;
                }
            }
            if !is_waiting {
                (is_waiting, recovers) = (true, false);
            }
            // A recovery point. Its decoder marks the pictures until the recovery.
            recovers |= picture.is_keyframe && !is_intra(picture.kind);
        } else if is_waiting {
            let is_start = picture.is_keyframe || recovers || n == 0 && is_intra(picture.kind);
            is_waiting = !is_start || n > 0 && start == Start::First;
        }
        right.push(!marked[n] && !is_waiting);
    }
    // Behind the last picture, packets may have been refused up to the end.
    if let Some(last) = last_lost
        && is_island(times, last..times.len(), seconds, faults.usual_distance)
    {
        right[last..].fill(false);
    }
    right
}

/// Whether these pictures, of less than a second, are fewer than are missing before them, and up to `next`.
fn is_island(times: &[f64], pictures: Range<usize>, next: f64, usual_distance: f64) -> bool {
    let (start, end) = (pictures.start, pictures.end);
    let seconds = times[end - 1] - times[start] + usual_distance;
    let missing = |from: usize, to: f64| to - times[from] - usual_distance;
    let is_short = seconds < DISTRUSTED_SECONDS;
    is_short
        && start > 0
        && missing(start - 1, times[start]) > seconds
        && missing(end - 1, next) > seconds
}

pub(crate) fn is_intra(kind: PictureKind) -> bool {
    matches!(kind, PictureKind::Intra | PictureKind::Unknown)
}

/// What decoders say of the pictures, each in a list by its number.
pub(crate) struct Faults {
    /// Those that come behind a lost one.
    losses: Vec<bool>,
    /// Those of them before which pictures are missing since the one before.
    pub(crate) holes: Vec<bool>,
    /// Those of them before which the numbers of pictures skip.
    pub(crate) skips: Vec<bool>,
    /// Those that are wrong by themselves.
    marked: Vec<bool>,
    /// The median distance of two pictures.
    pub(crate) usual_distance: f64,
}

impl Faults {
    /// A decoder that lacks or refuses a picture says so when it decodes the next, so a few pictures may be presented
    /// between its words and the hole. A refused packet may also be one without a picture.
    pub(crate) fn of(logged: &[LoggedPicture], times: &[f64]) -> Self {
        let usual_distance = usual_distance(times);
        let is_behind_hole = |n: &usize| is_hole(times[*n] - times[*n - 1], usual_distance);
        let mut losses = vec![false; logged.len()];
        let (mut holes, mut skips) = (losses.clone(), losses.clone());
        let mut marked: Vec<bool> = logged.iter().map(|picture| picture.is_marked).collect();
        for (n, picture) in logged.iter().enumerate() {
            if picture.is_after_unreadable && n > 0 && is_behind_hole(&n) {
                (losses[n], holes[n]) = (true, true);
            }
            let lacks_others = picture.lacks_reference || picture.is_after_skip;
            if !picture.is_after_refusal && !lacks_others {
                continue;
            }
            let is_behind =
                |m: &usize| is_behind_hole(m) || picture.is_after_skip && is_local_hole(times, *m);
            let mut next = n.max(1)..times.len().min(n + REORDERED);
            let mut before = n.saturating_sub(REORDERED).max(1)..n;
            if let Some(first) = next.find(is_behind) {
                // A keyframe may follow this hole, and what is lacked may be missing in one behind that.
                let others = next.filter(|m| lacks_others && is_behind(m));
                for behind in iter::once(first).chain(others) {
                    losses[behind] = true;
                    skips[behind] |= picture.is_after_skip;
                    // In a longer one a picture may stand. Whether the packet lies within, `silence` examines.
                    let is_short = times[behind] - times[behind - 1] <= LONGEST_GAP_SECONDS;
                    holes[behind] |= lacks_others || is_short;
                }
            } else if picture.lacks_reference {
                marked[n] = true;
            } else if n > 0 && before.any(|n| is_behind(&n)) {
                losses[n] = true;
            }
        }
        Self {
            losses,
            holes,
            skips,
            marked,
            usual_distance,
        }
    }
}

//! Judges the pictures of a slice: whether the right ones suffice.
//!
//! A wrong picture is left out, so the one before it stays on screen. If it would stand for more than
//! [`LONGEST_WRONG_SECONDS`], the slice is damaged.

use std::ops::Range;

use gifgen_probe::LoggedPicture;

use crate::{
    decoded::is_local_hole,
    retiming::{disordered_runs, in_order},
    right_pictures::{Faults, Start, is_intra, right_pictures},
};

/// Longest time, in seconds, for which an older picture may stand in place of wrong ones.
const LONGEST_WRONG_SECONDS: f64 = 1.0;

/// Wrong pictures that are on screen for less, in seconds, are not sampled: those at the edge of a slice.
const UNSAMPLED_SECONDS: f64 = 0.002;

/// Rounding error of times, in seconds.
const ROUNDING: f64 = 1e-6;

/// Most entries of a [`Verdict::Good`]. More are no exceptions.
const MAX_RETIMINGS: usize = 400;

/// What is wrong or right with a slice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// No right picture is on screen at the slice's start, and the input could start earlier.
    StartsTooLate,
    /// The right pictures are missing for too long: from and to, in seconds from the slice's start.
    Damaged(Range<f64>),
    /// The times of pictures contradict each other: from and to, in seconds from the slice's start.
    Disordered(Range<f64>),
    /// The slice is right with these changes.
    Good(Vec<Retiming>),
}

/// Pictures that get another time: one whose own time is wrong, or wrong pictures, which get the time of
/// the next right one and so are never on screen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Retiming {
    /// Numbers of the pictures in the order of presentation, from zero.
    pub pictures: Range<usize>,
    /// The time, in seconds from the slice's start. `None` is after its end.
    pub time: Option<f64>,
}

/// Judges the pictures of a slice of `seconds` that starts at `zero` on the container's clock. With
/// `hidden_keyframes`, their decoder does not say which ones are keyframes.
pub(crate) fn judge(
    logged: &[LoggedPicture],
    zero: f64,
    seconds: f64,
    could_start_earlier: bool,
    hidden_keyframes: bool,
) -> Verdict {
    let claimed = times(logged, zero);
    let times = in_order(&claimed);
    let in_slice = |wrong: Range<usize>| {
        let next = times.get(wrong.end).copied().unwrap_or(seconds);
        times[wrong.start].max(0.0)..next.min(seconds)
    };
    let mut disordered = disordered_runs(&claimed, &times).into_iter().map(in_slice);
    if let Some(range) = disordered.find(|range| !range.is_empty()) {
        return Verdict::Disordered(range);
    }
    let has_keyframes = logged
        .iter()
        .any(|picture| picture.is_keyframe || is_intra(picture.kind));
    // H.261 has no keyframes. Its first picture is a start.
    let start = match has_keyframes {
        false if !could_start_earlier => Start::Anywhere,
        _ if hidden_keyframes => Start::First,
        _ => Start::Keyframes,
    };
    let found = Faults::of(logged, &times);
    let right = right_pictures(logged, &times, seconds, &found, start);
    let is_shown_at_start = |n: usize| right[n] && times[n] <= 0.0;
    if could_start_earlier && !(0..times.len()).any(is_shown_at_start) {
        return Verdict::StartsTooLate;
    }
    let mut retimings = Vec::new();
    for run in runs(&right) {
        let first = times[run.start];
        let next = times.get(run.end).copied();
        let (from, to) = (first.max(0.0), next.unwrap_or(seconds).min(seconds));
        let since = match run.start {
            // The first picture of a video is shown before its time if those before it are wrong.
            0 => from,
            start if found.holes[start] => times[start - 1] + found.usual_distance,
            _ => first,
        };
        if to - since.max(0.0) <= UNSAMPLED_SECONDS {
            continue;
        }
        if to - since > LONGEST_WRONG_SECONDS + ROUNDING {
            return Verdict::Damaged(since.max(0.0)..to);
        }
        retimings.push(Retiming {
            pictures: run,
            time: next,
        });
    }
    if !right.contains(&true) {
        return Verdict::Damaged(0.0..seconds);
    }
    // Behind a right picture, too, pictures are lost. `silence` finds none of them if only the last one is left.
    let lost = (1..times.len()).filter(|n| found.skips[*n]).map(|n| {
        let since = times[n - 1] + found.usual_distance;
        since..times[n].min(seconds)
    });
    // The picture before the hole is as old as the hole is long, wherever the slice starts.
    let mut lost = lost.filter(|hole| {
        hole.end > UNSAMPLED_SECONDS && hole.end - hole.start > LONGEST_WRONG_SECONDS + ROUNDING
    });
    if let Some(hole) = lost.next() {
        return Verdict::Damaged(hole.start.max(0.0)..hole.end);
    }
    let is_moved = |n: &usize| {
        let is_left_out = retimings
            .iter()
            .any(|left_out| left_out.pictures.contains(n));
        times[*n] != claimed[*n] && !is_left_out
    };
    let moved: Vec<usize> = (0..times.len()).filter(is_moved).collect();
    retimings.extend(moved.into_iter().map(|n| Retiming {
        pictures: n..n + 1,
        time: Some(times[n]),
    }));
    if retimings.len() > MAX_RETIMINGS {
        return Verdict::Damaged(0.0..seconds);
    }
    Verdict::Good(retimings)
}

/// Marks the pictures behind holes, as if FFmpeg had said that it could not read what belongs there.
pub(crate) fn mark_holes(logged: &mut [LoggedPicture]) {
    let times = in_order(&times(logged, 0.0));
    for (n, picture) in logged.iter_mut().enumerate() {
        picture.is_after_unreadable |= is_local_hole(&times, n);
    }
}

/// The times of the pictures, in seconds from `zero`. A picture without a time has that of the one before.
fn times(logged: &[LoggedPicture], zero: f64) -> Vec<f64> {
    let mut last = logged
        .iter()
        .find_map(|picture| picture.time)
        .unwrap_or(zero);
    let time = |picture: &LoggedPicture| {
        last = picture.time.unwrap_or(last);
        last - zero
    };
    logged.iter().map(time).collect()
}

/// The runs of `false`.
fn runs(right: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for n in (0..right.len()).filter(|n| !right[*n]) {
        match runs.last_mut() {
            Some(run) if run.end == n => run.end = n + 1,
            _ => runs.push(n..n + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests;

//! Guesses how long a keyframe is before it has been read.
//!
//! A guess that is too short costs another request, and one that is too long costs bytes. Measured with two films: the
//! size of a keyframe grows with the square root of the bit rate of its group of pictures. A guess by that reads about
//! 30 % more than keyframes take, and is too short for a fifth of them. A guess by the sizes of keyframes alone reads 40
//! to 90 % more.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// How many keyframes are remembered, and how many of them tell the size of the next.
const SEEN: usize = 64;
const RECENT: usize = 24;

/// This part of the recent ones would not be longer than guessed.
const PART: f64 = 0.8;

/// Bytes of a keyframe, before one has been seen, for the square root of the bytes in a second.
const FIRST: f64 = 320.0;

/// Bytes that are guessed if nothing is known of the group.
const UNKNOWN: f64 = 256.0 * 1024.0;

/// Least and most that is guessed, in bytes.
const BOUNDS: (u64, u64) = (8 * 1024, 4 * 1024 * 1024);

/// Groups whose sizes and lengths differ by less than this part are the same: films repeat themselves.
const SAME: f64 = 0.001;

/// The size of a group of pictures in bytes, and its length in ticks.
pub(super) type Group = (u64, i64);

/// The keyframes that have been seen: their groups and their sizes.
#[derive(Debug, Default)]
pub(super) struct Guess(Mutex<VecDeque<(Group, u64)>>);

impl Guess {
    /// How long the keyframe of `group` may be, in bytes.
    pub(super) fn of(&self, group: Group) -> u64 {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = seen.iter().rfind(|(other, _)| is_same(*other, group)) {
            return *bytes;
        }
        let recent = seen.iter().rev().take(RECENT);
        let mut factors: Vec<f64> = recent
            .filter_map(|(group, bytes)| Some(*bytes as f64 / root(*group)?))
            .collect();
        factors.sort_by(f64::total_cmp);
        let place = ((factors.len() as f64 * PART) as usize).min(factors.len().saturating_sub(1));
        let factor = factors.get(place).copied();
        let guess = match root(group) {
            // Ticks may be anything, so the first guess is for those of 1 ms.
            Some(root) => factor.unwrap_or(FIRST * 1000_f64.sqrt()) * root,
            None => UNKNOWN,
        };
        let most = if group.0 > 0 {
            group.0.min(BOUNDS.1)
        } else {
            BOUNDS.1
        };
        (guess as u64).min(most).max(BOUNDS.0)
    }

    /// Remembers that the keyframe of `group` has so many `bytes`.
    pub(super) fn add(&self, group: Group, bytes: u64) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push_back((group, bytes));
        if seen.len() > SEEN {
            seen.pop_front();
        }
    }
}

/// The square root of the bytes in a tick.
fn root((bytes, ticks): Group) -> Option<f64> {
    (bytes > 0 && ticks > 0).then(|| (bytes as f64 / ticks as f64).sqrt())
}

fn is_same(one: Group, other: Group) -> bool {
    let near = |one: f64, other: f64| (one - other).abs() <= SAME * one.max(other);
    one.0 > 0 && near(one.0 as f64, other.0 as f64) && near(one.1 as f64, other.1 as f64)
}

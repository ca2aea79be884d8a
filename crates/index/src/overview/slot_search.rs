//! Finds the keyframes of a few slots in a source that has no index: reads where a slot should be, and on to the next
//! keyframe.
//!
//! The keyframe before a slot would cost twice the bytes: a search backwards reads some of them in vain, and then all
//! between the keyframe and the slot. Reading forwards ends with the keyframe.

use std::{ops::Range, sync::Arc};

use gifgen_reader::{ReadError, Reader};

use super::{
    hints::Hints,
    pictures::{Picture, Pictures},
    walk::Walk,
};
use crate::search::Clock;

/// A read starts so many seconds behind its slot, or this part of the interval. It misses its place by a second or two.
/// Before the slot it would pass a keyframe that does not count, behind it a later keyframe is as good.
const LATE_SECONDS: f64 = 0.8;
const LATE_PART: f64 = 0.08;

/// The same before a slot, if keyframes have been missed: they may be as far apart as slots are.
const EARLY_SECONDS: f64 = 0.4;

/// If a read starts so many seconds before its slot, another one starts nearer to it.
const FAR_EARLY_SECONDS: f64 = 1.5;

/// The same behind a slot, as a part of the interval.
const FAR_LATE_PART: f64 = 0.4;

/// Most reads that start anew for this.
const MAX_LANDINGS: usize = 3;

/// Most reads for what is before the place at which a read has started.
const MAX_BACK: usize = 3;

/// If the next slot starts no farther away than this, in bytes, the same request goes on.
const SKIPPED_BYTES: u64 = 128 * 1024;

/// No keyframe is looked for farther behind a slot than this, in seconds: keyframes are far apart there.
const MAX_AHEAD_SECONDS: f64 = gifgen_shared::overview::FAR_SECONDS;

/// Most bytes of one slot, in seconds of its part of the film, and at least.
const MAX_SECONDS: f64 = 4.0 * MAX_AHEAD_SECONDS;
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Of the pictures that are seen, one of so many is remembered for other searches.
const LEARNT_EACH: usize = 24;

/// The pts of a slot's keyframe is in this range.
pub(super) type Window = Range<i64>;

/// What was found for a slot.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    Keyframe {
        pts: i64,
        data: Vec<u8>,
    },
    /// There is no keyframe between the slot and the next one.
    Nothing,
    /// The keyframe is damaged, or the search was given up.
    Unknown,
}

/// A source in which is searched.
#[derive(Debug)]
pub(super) struct SlotSearch<'a> {
    pub(super) reader: &'a Arc<Reader>,
    pub(super) pictures: &'a Pictures,
    pub(super) clock: Clock,
    /// The bytes with pictures.
    pub(super) range: Range<u64>,
    pub(super) hints: &'a Hints,
}

/// A read that has started, and its first picture.
struct Landed<'a> {
    walk: Walk<'a>,
    first: Option<Picture>,
}

impl<'a> SlotSearch<'a> {
    /// What there is in each of `windows`, which are those of consecutive slots.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(super) async fn find(&self, windows: &[Window]) -> Result<Vec<Found>, ReadError> {
        let mut found = Vec::with_capacity(windows.len());
        // The request for the slot before.
        let mut open: Option<Walk<'a>> = None;
        for window in windows {
            found.push(self.find_one(window, &mut open).await?);
        }
        Ok(found)
    }

    async fn find_one(
        &self,
        window: &Window,
        open: &mut Option<Walk<'a>>,
    ) -> Result<Found, ReadError> {
        let place = self.place(window);
        let going = open.take_if(|walk| place <= walk.end().saturating_add(SKIPPED_BYTES));
        *open = None;
        if let Some(mut walk) = going {
            // A wild pts would be behind each window.
            let next = walk.peek().await?;
            if next.is_some_and(|next| next.pts < window.end) {
                let found = self.read_on(&mut walk, window, u64::MAX).await?;
                *open = Some(walk);
                return Ok(found);
            }
        }
        let mut landed = self.land(window, place).await?;
        let found = self.read_on(&mut landed.walk, window, u64::MAX).await?;
        *open = Some(landed.walk);
        match found {
            Found::Nothing => self.before(window, place, landed.first).await,
            found => Ok(found),
        }
    }

    /// Where to read for `window`.
    fn place(&self, window: &Window) -> u64 {
        let interval = window.end.saturating_sub(window.start);
        let late = if self.hints.are_late() {
            self.clock.span(EARLY_SECONDS).saturating_neg()
        } else {
            let part = (interval as f64 * LATE_PART) as i64;
            self.clock.span(LATE_SECONDS).min(part)
        };
        self.hints.around(window.start.saturating_add(late)).0
    }

    /// Starts to read at `place`, or nearer to the start of `window`.
    async fn land(&self, window: &Window, place: u64) -> Result<Landed<'a>, ReadError> {
        let interval = window.end.saturating_sub(window.start) as f64;
        let far = (interval * FAR_LATE_PART) as i64;
        let mut place = place;
        let mut landed = self.start(place).await?;
        for _ in 1..MAX_LANDINGS {
            let Some(first) = landed.first else {
                break;
            };
            let early = window.start.saturating_sub(first.pts);
            let is_far = early > self.clock.span(FAR_EARLY_SECONDS) || early < -far;
            let next = self.place(window);
            // What has been read already would be read again.
            let is_near = landed.walk.end() >= next && next >= place;
            if !is_far || is_near || next == place {
                break;
            }
            place = next;
            landed = self.start(place).await?;
        }
        Ok(landed)
    }

    async fn start(&self, place: u64) -> Result<Landed<'a>, ReadError> {
        let start = place.clamp(self.range.start, self.range.end);
        let start = self.pictures.align(self.range.start, start);
        let mut walk = Walk::new(self.reader, self.pictures, start..self.range.end);
        let first = walk.peek().await?;
        self.hints
            .add(first.map(|picture| (picture.pts, picture.offset)));
        Ok(Landed { walk, first })
    }

    /// Reads on to the first keyframe in `window` that starts before the offset `until`.
    async fn read_on(
        &self,
        walk: &mut Walk<'a>,
        window: &Window,
        until: u64,
    ) -> Result<Found, ReadError> {
        let (_, rate) = self.hints.around(window.start);
        let second = (rate * self.clock.timescale()) as u64;
        let most = second
            .saturating_mul(MAX_SECONDS as u64)
            .saturating_add(MAX_BYTES);
        let most = walk.end().saturating_add(most);
        let last = window
            .start
            .saturating_add(self.clock.span(MAX_AHEAD_SECONDS));
        let mut count = 0;
        loop {
            let Some(picture) = walk.peek().await? else {
                let found = if walk.is_end() {
                    Found::Nothing
                } else {
                    Found::Unknown
                };
                return Ok(found);
            };
            // A keyframe is later than all that is stored before it.
            if picture.pts >= window.end || picture.offset >= until {
                self.learn(&picture);
                return Ok(Found::Nothing);
            }
            if picture.is_keyframe && picture.pts >= window.start {
                self.learn(&picture);
                let found = walk.cut().map_or(Found::Unknown, |data| Found::Keyframe {
                    pts: picture.pts,
                    data,
                });
                walk.pass();
                self.hints
                    .add([(picture.pts.saturating_add(1), walk.end())]);
                return Ok(found);
            }
            if picture.pts > last || picture.offset > most {
                return Ok(Found::Unknown);
            }
            count += 1;
            if count % LEARNT_EACH == 0 {
                self.learn(&picture);
            }
            walk.pass();
        }
    }

    /// What there is in `window` before the picture `first`, at which a read at `place` has started.
    async fn before(
        &self,
        window: &Window,
        place: u64,
        first: Option<Picture>,
    ) -> Result<Found, ReadError> {
        let mut until = first.map_or(u64::MAX, |first| first.offset);
        let mut earliest = first.map_or(i64::MAX, |first| first.pts);
        let mut start = place;
        let (_, rate) = self.hints.around(window.start);
        let second = rate * self.clock.timescale();
        for back in 0..MAX_BACK {
            if earliest <= window.start || start <= self.range.start {
                break;
            }
            let near = self.hints.around(window.start).0.min(start);
            let early = second * EARLY_SECONDS * f64::from(1 << back);
            start = near.saturating_sub((early as u64).max(1));
            let mut landed = self.start(start).await?;
            let found = self.read_on(&mut landed.walk, window, until).await?;
            match found {
                Found::Nothing => {}
                Found::Unknown => return Ok(found),
                Found::Keyframe { .. } => {
                    self.hints.were_late();
                    return Ok(found);
                }
            }
            if let Some(first) = landed.first {
                until = until.min(first.offset);
                earliest = earliest.min(first.pts);
            }
        }
        Ok(Found::Nothing)
    }

    fn learn(&self, picture: &Picture) {
        self.hints.add([(picture.pts, picture.offset)]);
    }
}

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

/// The same before a slot, if keyframes have been missed: they may be as far apart as slots are. More if that does not
/// help, up to that much.
const EARLY_SECONDS: f64 = 0.4;
const MAX_EARLY_SECONDS: f64 = 6.0;

/// If it turns out that a read should have started so many seconds later, another one does.
const FAR_EARLY_SECONDS: f64 = 1.0;

/// The same for one that should have started earlier, as a part of the interval.
const FAR_LATE_PART: f64 = 0.3;

/// Most reads that start anew for this.
const MAX_LANDINGS: usize = 3;

/// Most reads for what is before the place at which a read has started.
const MAX_BACK: usize = 3;

/// If the next slot starts no farther away than this, in bytes, the same request goes on.
const SKIPPED_BYTES: u64 = 128 * 1024;

/// No keyframe is looked for farther behind a slot than this, in seconds: keyframes are far apart there.
const MAX_AHEAD_SECONDS: f64 = gifgen_shared::overview::FAR_SECONDS;

/// A keyframe that is farther from the picture that is stored beside it, in seconds, may have a damaged pts.
const FAR_FROM_NEIGHBOUR_SECONDS: f64 = 2.0;

/// Most bytes of one read: so many times those of the window, and so many more.
const MAX_TIMES: f64 = 2.0;
const MAX_MORE_BYTES: f64 = 16.0 * 1024.0 * 1024.0;

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
    /// The keyframe or its pts may be damaged, or the search was given up.
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

/// A read.
#[derive(Debug)]
struct Reading<'a> {
    walk: Walk<'a>,
    /// Where it has started.
    start: u64,
    /// Its first picture.
    first: Option<Picture>,
}

impl Reading<'_> {
    /// Whether it has all pictures from `pts` on.
    fn covers(&self, pts: i64) -> bool {
        self.first.is_some_and(|first| first.pts <= pts)
    }
}

impl<'a> SlotSearch<'a> {
    /// What there is in each of `windows`, which are those of consecutive slots.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(super) async fn find(&self, windows: &[Window]) -> Result<Vec<Found>, ReadError> {
        let mut found = Vec::with_capacity(windows.len());
        // The request for the slot before.
        let mut open: Option<Reading<'a>> = None;
        for window in windows {
            found.push(self.find_one(window, &mut open).await?);
        }
        Ok(found)
    }

    async fn find_one(
        &self,
        window: &Window,
        open: &mut Option<Reading<'a>>,
    ) -> Result<Found, ReadError> {
        let place = self.place(window);
        let mut reading = match open.take() {
            Some(open) if place <= open.walk.end().saturating_add(SKIPPED_BYTES) => open,
            _ => self.land(window, place).await?,
        };
        reading.walk.allow(self.most(window));
        let next = reading.walk.peek().await?;
        // Such a pts is damaged, and would hide all windows that follow.
        let wild = window
            .end
            .saturating_add(self.clock.span(MAX_AHEAD_SECONDS));
        if next.is_some_and(|next| next.pts > wild) {
            reading = self.land(window, place).await?;
        }
        let found = self.read_on(&mut reading.walk, window, u64::MAX).await?;
        let found = match found {
            Found::Nothing if !reading.covers(window.start) => {
                self.before(window, &reading).await?
            }
            found => found,
        };
        *open = Some(reading);
        Ok(found)
    }

    /// Where to read for `window`.
    fn place(&self, window: &Window) -> u64 {
        let interval = window.end.saturating_sub(window.start);
        let lead = self.hints.lead();
        let late = match lead {
            0 => {
                let part = (interval as f64 * LATE_PART) as i64;
                self.clock.span(LATE_SECONDS).min(part)
            }
            lead => lead.saturating_neg(),
        };
        self.hints.around(window.start.saturating_add(late)).0
    }

    /// Most bytes to read for `window`.
    fn most(&self, window: &Window) -> u64 {
        let ticks = window.end.saturating_sub(window.start);
        let ticks = ticks.min(self.clock.span(MAX_AHEAD_SECONDS));
        let (_, rate) = self.hints.around(window.start);
        (rate * ticks as f64 * MAX_TIMES + MAX_MORE_BYTES) as u64
    }

    /// Starts to read at `place`, or nearer to the start of `window`.
    async fn land(&self, window: &Window, place: u64) -> Result<Reading<'a>, ReadError> {
        let interval = window.end.saturating_sub(window.start);
        let mut reading = self.start(window, place).await?;
        for _ in 1..MAX_LANDINGS {
            let Some(first) = reading.first else {
                break;
            };
            let is_start = reading.start <= self.range.start;
            let (_, rate) = self.hints.around(window.start);
            let bytes = |ticks: i64| (rate * ticks as f64) as u64;
            let early = bytes(self.clock.span(FAR_EARLY_SECONDS));
            let late = bytes((interval as f64 * FAR_LATE_PART) as i64);
            let mut next = self.place(window);
            let is_early = next > reading.walk.end().saturating_add(early);
            let is_late = next.saturating_add(late) < reading.start && !is_start;
            if !is_early && !is_late {
                if first.pts < window.end || is_start {
                    break;
                }
                // All of the window is missed: in Matroska nothing is seen before the start of a cluster.
                let lead = first.pts.saturating_sub(window.start);
                let most = self.clock.span(MAX_EARLY_SECONDS);
                self.hints.need_lead(lead.min(most));
                next = self.place(window);
            }
            reading = self.start(window, next).await?;
        }
        Ok(reading)
    }

    async fn start(&self, window: &Window, place: u64) -> Result<Reading<'a>, ReadError> {
        let start = place.clamp(self.range.start, self.range.end);
        let start = self.pictures.align(self.range.start, start);
        let mut walk = Walk::new(self.reader, self.pictures, start..self.range.end);
        walk.allow(self.most(window));
        let first = walk.peek().await?;
        self.hints
            .add(first.map(|picture| (picture.pts, picture.offset)));
        Ok(Reading { walk, start, first })
    }

    /// Reads on to the first keyframe in `window` that starts before the offset `until`.
    async fn read_on(
        &self,
        walk: &mut Walk<'a>,
        window: &Window,
        until: u64,
    ) -> Result<Found, ReadError> {
        walk.allow(self.most(window));
        let last = window
            .start
            .saturating_add(self.clock.span(MAX_AHEAD_SECONDS));
        let (mut count, mut before) = (0, None);
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
                let found = walk.cut().map_or(Found::Unknown, |data| Found::Keyframe {
                    pts: picture.pts,
                    data,
                });
                walk.pass();
                let beside = match before {
                    None => walk.peek().await?.map(|next| next.pts),
                    before => before,
                };
                let far = self.clock.span(FAR_FROM_NEIGHBOUR_SECONDS).unsigned_abs();
                if beside.is_some_and(|beside| beside.abs_diff(picture.pts) > far) {
                    return Ok(Found::Unknown);
                }
                self.learn(&picture);
                self.hints
                    .add([(picture.pts.saturating_add(1), walk.end())]);
                return Ok(found);
            }
            if picture.pts > last {
                return Ok(Found::Unknown);
            }
            count += 1;
            if count % LEARNT_EACH == 0 {
                self.learn(&picture);
            }
            before = Some(picture.pts);
            walk.pass();
        }
    }

    /// What there is in `window` before the first picture of `reading`.
    async fn before(&self, window: &Window, reading: &Reading<'a>) -> Result<Found, ReadError> {
        let until = reading.first.map_or(u64::MAX, |first| first.offset);
        let mut start = reading.start;
        for back in 0..MAX_BACK {
            if start <= self.range.start {
                break;
            }
            let (place, rate) = self.hints.around(window.start);
            let early = self
                .clock
                .span(EARLY_SECONDS)
                .saturating_mul(1 << (2 * back));
            let bytes = (rate * early as f64) as u64;
            start = place.min(start).saturating_sub(bytes.max(1));
            let mut earlier = self.start(window, start).await?;
            start = earlier.start;
            let found = self.read_on(&mut earlier.walk, window, until).await?;
            match found {
                Found::Nothing if earlier.covers(window.start) => break,
                Found::Nothing => {}
                Found::Unknown => return Ok(found),
                Found::Keyframe { .. } => {
                    let early = self.clock.span(EARLY_SECONDS);
                    self.hints.need_lead(early);
                    return Ok(found);
                }
            }
        }
        Ok(Found::Nothing)
    }

    fn learn(&self, picture: &Picture) {
        self.hints.add([(picture.pts, picture.offset)]);
    }
}

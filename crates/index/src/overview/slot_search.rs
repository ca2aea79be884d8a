//! Finds the keyframes of a few slots in a source that has no index: reads where they should be, and then backwards and
//! forwards as far as needed.

use std::{ops::Range, sync::Arc};

use gifgen_reader::{ReadError, Reader};

use super::{
    hints::Hints,
    pictures::{Cut, Picture, Pictures},
};
use crate::search::Clock;

/// What is read before a slot at first, in seconds, and how far later reads go back. As in the search for the keyframe of
/// a slice, these read the least in vain where keyframes are two to ten seconds apart.
const FIRST_BACK: f64 = 0.6;
const BACK: [f64; 6] = [1.3, 2.0, 2.0, 2.4, 3.4, 4.1];

/// The same, when it is known better where the slot is.
const AFTER_JUMP: f64 = 1.6;

/// What is read behind a slot, in seconds, and in bytes at least: the next picture tells that the slot has passed.
const AHEAD: f64 = 0.15;
const MIN_AHEAD_BYTES: u64 = 16 * 1024;

/// If a read has missed a slot by more than this, in seconds, another one starts nearer to it.
const FAR: f64 = 3.0;

/// If it has come too late by more than this, in seconds, what was read is of no use.
const LATE: f64 = 0.2;

/// Pictures may be stored behind a keyframe and shown before it by so much, in seconds.
const REORDERED: f64 = 0.75;

/// How much more is read if no picture is seen at all, in seconds: in Matroska none is before the start of a cluster.
const UNSEEN: f64 = 2.0;

/// How far back a keyframe is searched, in seconds.
const MAX_BACK: f64 = 13.0;

/// Of the pictures that are seen, one of so many is remembered for other searches.
const LEARNT_EACH: usize = 16;

/// Most reads for the slots of one search.
const MAX_READS: usize = 12;

/// The slots of one search, in ticks: the first is at `slots[0]`, and its keyframe must be later than `after`.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The times of the slots, in order.
    pub(super) slots: Vec<i64>,
    pub(super) after: i64,
}

/// What was found for a slot.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    Keyframe {
        pts: i64,
        data: Vec<u8>,
    },
    /// No keyframe is between the slot before and this one.
    Nothing,
    /// The search was given up.
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
    /// Most bytes that one search keeps.
    pub(super) max_bytes: u64,
}

/// Bytes of the source.
struct Region {
    start: u64,
    bytes: Vec<u8>,
}

/// What to do next.
enum Next {
    Done,
    Jump(u64),
    Back(u64),
    Forward(u64),
    GiveUp,
}

impl Region {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl SlotSearch<'_> {
    /// What there is for each slot of `wanted`.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(super) async fn find(&self, wanted: &Wanted) -> Result<Vec<Found>, ReadError> {
        let unknown = || wanted.slots.iter().map(|_| Found::Unknown).collect();
        let (Some(first), Some(last)) = (wanted.slots.first(), wanted.slots.last()) else {
            return Ok(Vec::new());
        };
        let (at, rate) = self.hints.around(*first);
        let second = (rate * self.clock.timescale())
            .max(self.hints.mean_second(self.clock.timescale()) / 2.0);
        let back = self
            .clock
            .span(FIRST_BACK)
            .min(first.saturating_sub(wanted.after).max(1));
        let start = at.saturating_sub((rate * back as f64) as u64);
        let ahead = ((second * AHEAD) as u64).max(MIN_AHEAD_BYTES);
        let end = self.hints.around(*last).0.saturating_add(ahead);
        let mut region = self.read(start..end).await?;
        let mut steps = BACK.into_iter();
        for _ in 0..MAX_READS {
            let seen = self.pictures.seen(&region.bytes, region.start);
            self.learn(&seen);
            let next = match self.next(wanted, &region, &seen) {
                Next::Done => {
                    let found = self.found(wanted, &region, &seen);
                    let Some(found) = found else {
                        // The last keyframe goes on behind the region.
                        if !self.forward(&mut region, ahead).await? {
                            return Ok(unknown());
                        }
                        continue;
                    };
                    return Ok(found);
                }
                Next::Back(0) => match steps.next() {
                    Some(step) => Next::Back((second * step) as u64),
                    None => Next::GiveUp,
                },
                next => next,
            };
            let goes_on = match next {
                Next::Back(bytes) => self.back(&mut region, bytes).await?,
                Next::Forward(bytes) => self.forward(&mut region, bytes.max(ahead)).await?,
                Next::Jump(at) => {
                    let start = at.saturating_sub((second * AFTER_JUMP) as u64);
                    region = self.read(start..at.saturating_add(ahead)).await?;
                    true
                }
                Next::Done | Next::GiveUp => false,
            };
            if !goes_on {
                break;
            }
        }
        Ok(unknown())
    }

    /// Remembers where some of the pictures are, the first and the last one among them.
    fn learn(&self, seen: &[Picture]) {
        let some = seen.iter().step_by(LEARNT_EACH).chain(seen.last());
        self.hints
            .add(some.map(|picture| (picture.pts, picture.offset)));
    }

    /// What to do after `seen` pictures in `region`. `Back(0)` is the next step back.
    fn next(&self, wanted: &Wanted, region: &Region, seen: &[Picture]) -> Next {
        let (Some(first), Some(last)) = (wanted.slots.first(), wanted.slots.last()) else {
            return Next::GiveUp;
        };
        let earliest = seen.iter().map(|picture| picture.pts).min();
        let latest = seen.iter().map(|picture| picture.pts).max();
        let (Some(earliest), Some(latest)) = (earliest, latest) else {
            return Next::Back((self.hints.mean_second(self.clock.timescale()) * UNSEEN) as u64);
        };
        let far = self.clock.span(FAR);
        if latest <= *last && region.end() < self.range.end {
            let (at, rate) = self.hints.around(*last);
            let missing = last.saturating_sub(latest);
            return if missing > far && latest < *first {
                Next::Jump(at)
            } else {
                Next::Forward((rate * missing as f64) as u64)
            };
        }
        let is_start = region.start <= self.range.start;
        if earliest > *first && !is_start {
            let (at, rate) = self.hints.around(*first);
            let missing = earliest.saturating_sub(*first);
            return if missing > self.clock.span(LATE) && wanted.slots.len() == 1 {
                Next::Jump(at)
            } else {
                let span = missing.saturating_add(self.clock.span(FIRST_BACK));
                Next::Back((rate * span as f64) as u64)
            };
        }
        let has_first = seen
            .iter()
            .any(|picture| picture.is_keyframe && picture.pts <= *first);
        let bound = wanted.after.saturating_sub(self.clock.span(REORDERED));
        if has_first || earliest <= bound || is_start {
            return Next::Done;
        }
        if first.saturating_sub(earliest) > self.clock.span(MAX_BACK) {
            return Next::GiveUp;
        }
        Next::Back(0)
    }

    /// What there is for each slot, if all is in `region`. `None` if a keyframe is cut off.
    fn found(&self, wanted: &Wanted, region: &Region, seen: &[Picture]) -> Option<Vec<Found>> {
        let is_end = region.end() >= self.range.end;
        let mut found = Vec::new();
        let mut after = wanted.after;
        for slot in &wanted.slots {
            let mut keyframes = seen.iter().filter(|picture| picture.is_keyframe);
            let keyframe = keyframes.rfind(|picture| picture.pts <= *slot);
            let keyframe = keyframe.filter(|picture| picture.pts > after);
            found.push(match keyframe {
                None => Found::Nothing,
                Some(picture) => {
                    match self
                        .pictures
                        .cut(&region.bytes, region.start, picture, is_end)
                    {
                        Cut::Whole(data) => Found::Keyframe {
                            pts: picture.pts,
                            data,
                        },
                        Cut::Short if is_end => Found::Unknown,
                        Cut::Short => return None,
                        Cut::Damaged => Found::Unknown,
                    }
                }
            });
            after = *slot;
        }
        Some(found)
    }

    async fn read(&self, range: Range<u64>) -> Result<Region, ReadError> {
        let end = range.end.min(self.range.end);
        let start = range
            .start
            .min(end.saturating_sub(MIN_AHEAD_BYTES))
            .max(self.range.start);
        let start = start.max(end.saturating_sub(self.max_bytes));
        let start = self.pictures.align(self.range.start, start);
        let bytes = self.reader.read(start..end).await?.to_vec();
        Ok(Region { start, bytes })
    }

    /// Reads so many bytes before `region`. Whether there were any, and few enough.
    async fn back(&self, region: &mut Region, bytes: u64) -> Result<bool, ReadError> {
        let start = region.start.saturating_sub(bytes.max(MIN_AHEAD_BYTES));
        let start = self
            .pictures
            .align(self.range.start, start.max(self.range.start));
        let is_too_long = region.end().saturating_sub(start) > self.max_bytes;
        if start >= region.start || is_too_long {
            return Ok(false);
        }
        let mut read = self.reader.read(start..region.start).await?.to_vec();
        read.append(&mut region.bytes);
        *region = Region { start, bytes: read };
        Ok(true)
    }

    /// Reads so many bytes behind `region`. Whether there were any, and few enough.
    async fn forward(&self, region: &mut Region, bytes: u64) -> Result<bool, ReadError> {
        let end = region.end().saturating_add(bytes).min(self.range.end);
        if end <= region.end() || end - region.start > self.max_bytes {
            return Ok(false);
        }
        let read = self.reader.read(region.end()..end).await?;
        region.bytes.extend_from_slice(&read);
        Ok(!read.is_empty())
    }
}

//! Keyframes that are searched, in a source without an index.
//!
//! A slot's tile is the next keyframe behind it, before the next slot.

use std::{ops::Range, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::Reader;
use gifgen_shared::overview::{FAR_SECONDS, TILES_PER_SHEET};
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe::Sender;

use super::{
    feed_sheet::write,
    hints::Hints,
    pictures::Pictures,
    sheet_tile::{SheetTile, rounded},
    slot_search::{Found, SlotSearch, Window},
};
use crate::{
    excerpt::NoExcerpt,
    feed::FeedError,
    mpegts::parameters::{MAX_RECORDINGS, Parameters},
    search::Clock,
};

/// Consecutive slots are found one behind the other, so many at most: each tells where the next one is. Their keyframes
/// are kept until those before them are written, so they are fewer if a second has more bytes. Where slots are near each
/// other, a chain has so many seconds: its start may be missed, and is read again then.
const MAX_CHAIN: u64 = 13;
const LEAST_CHAIN_SECONDS: u64 = 50;
const MAX_KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// Chains that are read at once.
const CONCURRENT: usize = 8;

/// The next keyframe before a sheet is looked for in steps of so many seconds, or of an interval in between.
const STEP_SECONDS: (f64, f64) = (4.0, FAR_SECONDS);

/// A keyframe up to so many seconds before a slot counts as behind it: times are rounded.
const TOLERANCE_SECONDS: f64 = 0.00001;

/// Most points of a plan.
pub(super) const MAX_HINTS: usize = 256;

/// Most pieces with clocks of their own.
const MAX_PIECES: usize = 4096;

/// The slots of a sheet, and what helps to find their keyframes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Searched {
    /// The first slot, in seconds, and how many there are.
    pub(super) start: u32,
    pub(super) count: u32,
    pub(super) interval: u32,
    /// When the film ends, in seconds.
    pub(super) length: f64,
    pub(super) start_time: f64,
    pub(super) clock: Clock,
    /// The bytes with pictures.
    pub(super) range: Range<u64>,
    /// Some pairs of a pts and an offset, in order. The first one is that of the first picture.
    pub(super) hints: Vec<(i64, u64)>,
    pub(super) pictures: Pictures,
}

impl Searched {
    pub(super) fn check(&self, bytes: u64) -> Result<(), NoExcerpt> {
        let wrong = |what| Err(NoExcerpt::because(what));
        if self.count as usize > TILES_PER_SHEET || self.interval == 0 {
            return wrong("it has too many tiles");
        }
        let span = u64::from(self.count) * u64::from(self.interval) + u64::from(self.start);
        if u32::try_from(span).is_err() || !(0.0..1e9).contains(&self.length) {
            return wrong("its tiles are behind the end of any film");
        }
        if !self.clock.is_sane() || self.start_time.is_nan() || self.start_time.abs() > 1e9 {
            return wrong("it has no clock");
        }
        if self.range.start >= self.range.end || self.range.end > bytes {
            return wrong("its pictures are behind the end of the source");
        }
        if self.hints.len() > MAX_HINTS || self.hints.len() < 2 {
            return wrong("it has too many points, or too few");
        }
        let is_fit = match &self.pictures {
            Pictures::Matroska { decoder_setup, .. } => decoder_setup.is_short(),
            Pictures::MpegTs {
                packets,
                parameters,
            } => {
                packets.pieces.len() <= MAX_PIECES
                    && matches!(packets.size, 188 | 192 | 204)
                    && parameters.len() <= MAX_RECORDINGS
                    && parameters.iter().all(Parameters::is_short)
            }
        };
        if !is_fit {
            return wrong("it has no stream");
        }
        Ok(())
    }

    fn slots(&self) -> impl Iterator<Item = u32> {
        (0..self.count).map(|n| self.start + n * self.interval)
    }

    /// The window of a slot's keyframe, from `start` to `end` in seconds.
    fn window(&self, start: f64, end: f64) -> Window {
        let pts = |seconds: f64| self.clock.pts(seconds - TOLERANCE_SECONDS);
        pts(start)..pts(end.min(self.length))
    }

    /// The windows of all slots.
    fn windows(&self) -> Vec<Window> {
        let windows = self.slots().map(|slot| {
            let start = f64::from(slot);
            self.window(start, start + f64::from(self.interval))
        });
        windows.collect()
    }

    /// Searches the keyframes and writes them, and says which. A slot whose search was given up has an exact tile.
    pub(super) async fn feed(
        &self,
        reader: &Arc<Reader>,
        pipe: &mut Sender,
    ) -> Result<Vec<SheetTile>, FeedError> {
        let hints = Hints::new(&self.hints, self.range.clone());
        let search = SlotSearch {
            reader,
            pictures: &self.pictures,
            clock: self.clock,
            range: self.range.clone(),
            hints: &hints,
        };
        let windows = self.windows();
        let rate = hints.around(self.clock.pts(f64::from(self.start))).1;
        let second = (rate * self.clock.timescale()) as u64;
        let chain = (MAX_KEPT_BYTES / CONCURRENT as u64 / second.max(1)).clamp(1, MAX_CHAIN);
        let chain = chain.max(LEAST_CHAIN_SECONDS / u64::from(self.interval));
        let finds: Vec<_> = windows
            .chunks(chain as usize)
            .map(|windows| Box::pin(search.find(windows)))
            .collect();
        let mut finds = stream::iter(finds).buffered(CONCURRENT);

        let mut writer = self.pictures.writer();
        let (mut is_open, mut slots) = (true, self.slots());
        let mut tiles: Vec<(u32, State)> = Vec::new();
        while let Some(found) = finds.try_next().await? {
            for (found, slot) in found.into_iter().zip(&mut slots) {
                let state = match found {
                    Found::Nothing => State::Nothing,
                    Found::Unknown => State::Exact,
                    Found::Keyframe { pts, data } => match writer.write(&data, pts) {
                        None => State::Exact,
                        Some(written) => {
                            is_open = is_open && write(pipe, &written).await?;
                            State::Keyframe(pts)
                        }
                    },
                };
                tiles.push((slot, state));
            }
            if !is_open {
                break;
            }
        }
        drop(finds);
        let before = self.keyframe_before(&search, &tiles).await?;
        let behind = self.keyframe_behind(&search, &tiles).await?;
        Ok(self.tiles(&tiles, before, behind))
    }

    /// When the last known keyframe before the sheet is, in seconds, if its first slot has none. One that is more than
    /// 30 s before the first one of the sheet does not matter.
    async fn keyframe_before(
        &self,
        search: &SlotSearch<'_>,
        tiles: &[(u32, State)],
    ) -> Result<Option<f64>, FeedError> {
        let Some((slot, State::Nothing)) = tiles.first() else {
            return Ok(None);
        };
        let mut end = f64::from(*slot);
        let next = tiles.iter().find_map(|(_, state)| self.seconds(*state));
        let next = next.unwrap_or_else(|| end + f64::from(self.interval));
        let least = (next - FAR_SECONDS).max(0.0);
        let step = f64::from(self.interval).clamp(STEP_SECONDS.0, STEP_SECONDS.1);
        while end > least {
            let start = (end - step).max(least);
            if let Some(at) = self.keyframe_in(search, start, end).await? {
                return Ok(Some(at));
            }
            end = start;
        }
        Ok(None)
    }

    /// When the next keyframe behind the sheet is, if its last slot has none; or when the film ends. One that is more
    /// than 30 s behind the last one of the sheet does not matter.
    async fn keyframe_behind(
        &self,
        search: &SlotSearch<'_>,
        tiles: &[(u32, State)],
    ) -> Result<Option<f64>, FeedError> {
        let Some((slot, State::Nothing)) = tiles.last() else {
            return Ok(None);
        };
        let start = f64::from(*slot) + f64::from(self.interval);
        let mut earlier = tiles.iter().rev();
        let since = earlier.find_map(|(_, state)| self.seconds(*state));
        let end = since.unwrap_or_else(|| f64::from(*slot)) + FAR_SECONDS;
        let found = match start < end.min(self.length) {
            true => self.keyframe_in(search, start, end).await?,
            false => None,
        };
        Ok(found.or((end >= self.length).then_some(self.length)))
    }

    async fn keyframe_in(
        &self,
        search: &SlotSearch<'_>,
        start: f64,
        end: f64,
    ) -> Result<Option<f64>, FeedError> {
        let found = search.find(&[self.window(start, end)]).await?.pop();
        Ok(match found {
            Some(Found::Keyframe { pts, .. }) => Some(self.clock.seconds(pts)),
            _ => None,
        })
    }

    /// When the keyframe of a slot is, in seconds.
    fn seconds(&self, state: State) -> Option<f64> {
        match state {
            State::Keyframe(pts) => Some(self.clock.seconds(pts)),
            State::Nothing | State::Exact => None,
        }
    }

    /// The tiles. Slots without keyframes have none, unless the keyframes around them are far apart.
    fn tiles(
        &self,
        slots: &[(u32, State)],
        before: Option<f64>,
        behind: Option<f64>,
    ) -> Vec<SheetTile> {
        let mut tiles = Vec::new();
        let mut since = before;
        for (place, (slot, state)) in slots.iter().enumerate() {
            match state {
                State::Keyframe(pts) => {
                    let at = rounded(self.clock.seconds(*pts)).max(0.0);
                    since = Some(at);
                    tiles.push(SheetTile {
                        slot: *slot,
                        at,
                        pts: Some(*pts as f64 / self.clock.timescale()),
                    });
                }
                State::Exact => tiles.push(SheetTile::exact(*slot)),
                State::Nothing => {
                    let mut later = slots.iter().skip(place);
                    let next = later.find_map(|(_, state)| self.seconds(*state));
                    let gap = next.or(behind).zip(since);
                    if gap.is_none_or(|(next, since)| next - since > FAR_SECONDS) {
                        tiles.push(SheetTile::exact(*slot));
                    }
                }
            }
        }
        tiles
    }
}

/// What a slot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A keyframe with this pts.
    Keyframe(i64),
    /// None of its own.
    Nothing,
    Exact,
}

//! Keyframes that are searched, in a source without an index.

use std::{ops::Range, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::{BlockCache, Reader};
use gifgen_shared::{
    Slice, VideoStream,
    overview::{FAR_SECONDS, Sheet, TILES_PER_SHEET},
};
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe::Sender;

use super::{
    feed_sheet::write,
    fetches::concurrent,
    hints::Hints,
    pictures::Pictures,
    plan::{Keyframes, SheetPlan},
    sheet_tile::{SheetTile, rounded},
    slot_search::{Found, SlotSearch, Wanted},
};
use crate::{
    error::IndexError,
    excerpt::{Demuxer, NoExcerpt},
    feed::FeedError,
    matroska::Head,
    mpegts,
    search::Clock,
};

/// Slots that are nearer together than this, in seconds, are searched in groups of so many seconds.
const GROUP_SECONDS: f64 = 8.0;

/// A keyframe up to so many seconds after a slot counts as shown there: times are rounded.
const TOLERANCE_SECONDS: f64 = 0.00001;

/// Most points of a plan, and how far before and behind its sheet they are, in seconds.
const MAX_HINTS: usize = 256;
const AROUND_SECONDS: f64 = 60.0;

/// Most bytes that one search keeps: thirteen seconds, within these bounds.
const KEPT_SECONDS: f64 = 13.0;
const KEPT_BYTES: Range<u64> = 4 * 1024 * 1024..32 * 1024 * 1024;

/// Most pieces with clocks of their own.
const MAX_PIECES: usize = 4096;

/// The slots of a sheet, and what helps to find their keyframes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Searched {
    /// The first slot, in seconds, and how many there are.
    start: u32,
    count: u32,
    interval: u32,
    /// When the film ends, in seconds.
    length: f64,
    start_time: f64,
    clock: Clock,
    /// The bytes with pictures.
    range: Range<u64>,
    /// Some pairs of a pts and an offset, in order. The first one is that of the first picture.
    hints: Vec<(i64, u64)>,
    pictures: Pictures,
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
            Pictures::MpegTs(packets) => {
                packets.pieces.len() <= MAX_PIECES && matches!(packets.size, 188 | 192 | 204)
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

    fn pts(&self, seconds: f64) -> i64 {
        self.clock.pts(seconds + TOLERANCE_SECONDS)
    }

    /// The searches for the slots, each for a few of them.
    fn searches(&self) -> Vec<(Vec<u32>, Wanted)> {
        let group = (GROUP_SECONDS / f64::from(self.interval)).max(1.0) as usize;
        let slots: Vec<u32> = self.slots().collect();
        let searches = slots.chunks(group).map(|slots| {
            let first = slots.first().copied().map_or(0.0, f64::from);
            let before = first - f64::from(self.interval);
            let wanted = Wanted {
                slots: slots
                    .iter()
                    .map(|slot| self.pts(f64::from(*slot)))
                    .collect(),
                // Pictures before the film are not in it.
                after: self.pts(before.max(-0.001)),
            };
            (slots.to_vec(), wanted)
        });
        searches.collect()
    }

    /// Searches the keyframes and writes them, and says which. A slot whose search was given up has an exact tile.
    pub(super) async fn feed(
        &self,
        reader: &Arc<Reader>,
        pipe: &mut Sender,
    ) -> Result<Vec<SheetTile>, FeedError> {
        let hints = Hints::new(&self.hints, self.range.clone());
        let second = hints.around(self.pts(f64::from(self.start))).1 * self.clock.timescale();
        let kept = (second * (KEPT_SECONDS + GROUP_SECONDS)) as u64;
        let search = SlotSearch {
            reader,
            pictures: &self.pictures,
            clock: self.clock,
            range: self.range.clone(),
            hints: &hints,
            max_bytes: kept.clamp(KEPT_BYTES.start, KEPT_BYTES.end),
        };
        let searches = self.searches();
        // The first and the last one tell the others where they are.
        let mut ends = Vec::new();
        if let [first, .., last] = &searches[..] {
            ends.push(search.find(&first.1).await?);
            ends.push(search.find(&last.1).await?);
        }
        let mut ends = ends.into_iter();
        let first_end = ends.next();
        let last_end = ends.next();
        let middle = match (&first_end, &searches[..]) {
            (Some(_), [_, middle @ .., _]) => middle,
            (_, all) => all,
        };
        let finds: Vec<_> = middle
            .iter()
            .map(|(_, wanted)| Box::pin(search.find(wanted)))
            .collect();
        let finds = stream::iter(finds).buffered(concurrent(search.max_bytes));
        let all = stream::iter(first_end.map(Ok))
            .chain(finds)
            .chain(stream::iter(last_end.map(Ok)));
        let mut all = Box::pin(all);

        let mut writer = self.pictures.writer();
        let (mut is_open, mut slots) = (true, self.slots());
        let mut tiles: Vec<(u32, State)> = Vec::new();
        while let Some(found) = all.try_next().await? {
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
        drop(all);
        let before = self.keyframe_before(&search, &tiles).await?;
        let behind = self.keyframe_behind(&search, &tiles).await?;
        Ok(self.tiles(&tiles, before, behind))
    }

    /// Whether a keyframe is up to 30 s before the sheet, if its first slot has none. When it is, in seconds.
    async fn keyframe_before(
        &self,
        search: &SlotSearch<'_>,
        tiles: &[(u32, State)],
    ) -> Result<Option<f64>, FeedError> {
        let Some((slot, State::Nothing)) = tiles.first() else {
            return Ok(None);
        };
        let slot = f64::from(*slot);
        self.keyframe_in(search, slot - FAR_SECONDS..slot).await
    }

    /// The same behind the sheet, if its last slot has none.
    async fn keyframe_behind(
        &self,
        search: &SlotSearch<'_>,
        tiles: &[(u32, State)],
    ) -> Result<Option<f64>, FeedError> {
        let Some((slot, State::Nothing)) = tiles.last() else {
            return Ok(None);
        };
        let slot = f64::from(*slot);
        let end = (slot + FAR_SECONDS).min(self.length);
        if end >= self.length {
            return Ok(Some(self.length));
        }
        self.keyframe_in(search, slot..end).await
    }

    async fn keyframe_in(
        &self,
        search: &SlotSearch<'_>,
        seconds: Range<f64>,
    ) -> Result<Option<f64>, FeedError> {
        let wanted = Wanted {
            slots: vec![self.pts(seconds.end)],
            after: self.pts(seconds.start.max(-0.001)),
        };
        let found = search.find(&wanted).await?.pop();
        Ok(match found {
            Some(Found::Keyframe { pts, .. }) => Some(self.clock.seconds(pts)),
            _ => None,
        })
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
                    let next = later.find_map(|(_, state)| match state {
                        State::Keyframe(pts) => Some(self.clock.seconds(*pts)),
                        _ => None,
                    });
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

/// The plan of `sheet`.
fn plan_of(
    sheet: &Sheet,
    whole: &Searched,
    demuxer: Demuxer,
    stream: u32,
    header: &[u8],
) -> SheetPlan {
    let (from, to) = (
        whole.clock.pts(f64::from(sheet.start) - AROUND_SECONDS),
        whole.clock.pts(sheet.end + AROUND_SECONDS),
    );
    let last = whole.hints.len().saturating_sub(1);
    let all = whole.hints.iter().enumerate();
    let near =
        all.filter(|(place, (pts, _))| (from..=to).contains(pts) || *place == 0 || *place == last);
    let near: Vec<(i64, u64)> = near.map(|(_, hint)| *hint).collect();
    let every = near.len().div_ceil(MAX_HINTS - 2).max(1);
    let last = near.len().saturating_sub(1);
    let kept = near
        .iter()
        .enumerate()
        .filter(|(place, _)| place.is_multiple_of(every) || *place == last);
    SheetPlan {
        demuxer,
        stream,
        header: header.to_vec(),
        keyframes: Keyframes::Searched(Searched {
            start: sheet.start,
            count: sheet.times().count() as u32,
            hints: kept.map(|(_, hint)| *hint).collect(),
            ..whole.clone()
        }),
    }
}

/// The plans of `sheets` in a Matroska file without useful cues.
pub(super) fn in_matroska(
    head: &Head,
    video: &VideoStream,
    length: f64,
    sheets: &[Sheet],
) -> Vec<Option<SheetPlan>> {
    let none = || sheets.iter().map(|_| None).collect();
    let Some(decoder_setup) = &head.decoder_setup else {
        return none();
    };
    let clock = head.clock(video);
    let ends = [
        (clock.pts(0.0), head.clusters.start),
        (clock.pts(length), head.clusters.end),
    ];
    let pictures = Pictures::Matroska {
        track: head.track.number,
        decoder_setup: decoder_setup.clone(),
    };
    let cues = head.cues.iter();
    let cues = cues.map(|cue| (cue.pts, head.segment.saturating_add(cue.cluster_offset)));
    let mut hints: Vec<(i64, u64)> = cues.chain(ends).collect();
    hints.sort_unstable();
    let whole = Searched {
        start: 0,
        count: 0,
        interval: sheets.first().map_or(1, |sheet| sheet.interval),
        length,
        start_time: video.start_time,
        clock,
        range: head.clusters.clone(),
        hints,
        pictures,
    };
    let plan = |sheet| plan_of(sheet, &whole, Demuxer::Matroska, video.index, &head.header);
    sheets.iter().map(|sheet| Some(plan(sheet))).collect()
}

/// The plans of `sheets` in a transport stream.
///
/// # Errors
/// If the source cannot be read, or its times cannot be searched.
pub(super) async fn in_transport_stream(
    blocks: &BlockCache,
    stream: &mpegts::Stream,
    video: &VideoStream,
    length: f64,
    sheets: &[Sheet],
) -> Result<Vec<Option<SheetPlan>>, IndexError> {
    // The bounds of the sheets are searched, as those of slices.
    let mut bounds: Vec<u32> = sheets.iter().map(|sheet| sheet.start).collect();
    bounds.extend(sheets.last().map(|sheet| sheet.end as u32));
    bounds.insert(0, 0);
    bounds.dedup();
    let ends = bounds
        .iter()
        .skip(1)
        .map(|end| f64::from(*end))
        .chain([length]);
    let slices: Vec<Slice> = bounds
        .iter()
        .zip(ends)
        .enumerate()
        .map(|(index, (start, end))| Slice {
            index: index as u32,
            start: *start,
            end,
        })
        .collect();
    let found = mpegts::searched(blocks, stream, video, &slices).await?;
    let mut hints: Vec<(i64, u64)> = Vec::new();
    let points = found
        .map
        .points()
        .iter()
        .map(|point| (point.pts, point.offset));
    let ends = [
        (found.clock.pts(0.0), found.range.start),
        (found.clock.pts(length), found.range.end),
    ];
    let apart = found.clock.span(0.5);
    let mut points: Vec<(i64, u64)> = points.chain(ends).collect();
    points.sort_unstable();
    let last = points.len().saturating_sub(1);
    for (place, point) in points.iter().enumerate() {
        let is_near = hints
            .last()
            .is_some_and(|before| point.0.saturating_sub(before.0) < apart);
        if !is_near || place == last {
            hints.push(*point);
        }
    }
    let packets = stream.packets(0..u64::MAX);
    let header = mpegts::keyframe_stream::tables(packets.codec);
    let whole = Searched {
        start: 0,
        count: 0,
        interval: sheets.first().map_or(1, |sheet| sheet.interval),
        length,
        start_time: video.start_time,
        clock: found.clock,
        range: found.range,
        hints,
        pictures: Pictures::MpegTs(packets),
    };
    let plan = |sheet| plan_of(sheet, &whole, Demuxer::MpegTs, 0, &header);
    Ok(sheets.iter().map(|sheet| Some(plan(sheet))).collect())
}

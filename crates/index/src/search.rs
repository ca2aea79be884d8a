//! Finds times in a source that has no index, by looking into it at a few places. What is learnt
//! for one time serves its neighbours.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use gifgen_reader::reader::Reader;

use crate::container_index::IndexError;

/// A place at which a picture starts. Times are in units of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Where, in bytes.
    pub at: u64,
    /// When the picture is shown.
    pub shown: i64,
    /// All pictures from here on are shown at this time or later.
    pub sure: i64,
}

/// What is known of a source, in the order of its bytes.
#[derive(Debug)]
pub struct TimestampMap {
    known: Vec<Point>,
    /// By how much `sure` may run backwards.
    slack: i64,
}

/// Times run backwards, so that they cannot be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disorder;

/// How closely to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchParams {
    /// What one look reads, in bytes.
    pub probe_bytes: u64,
    /// How much later than a time the place behind it may be, in units of the container.
    pub soon: i64,
    /// How far that place may be from one before the time, in bytes, if it is later.
    pub near: u64,
}

/// Most looks at one time. Three to five do as a rule.
const ROUNDS: u32 = 10;

/// How often a look goes on. After the first few it has met a picture as large as many others, whose
/// end it looks for farther and farther away.
const PIECES: u32 = 16;
const EVEN_PIECES: u32 = 4;

/// How many looks are under way at once.
const AT_ONCE: usize = 16;

/// Most looks at one source.
const MOST_LOOKS: usize = 5_000;

impl TimestampMap {
    /// Nothing is known yet. `slack` is by how much [`Point::sure`] may run backwards.
    pub fn new(slack: i64) -> Self {
        let known = Vec::new();
        Self { known, slack }
    }

    /// Takes what was found.
    ///
    /// # Errors
    /// If it contradicts what is known.
    pub fn add(&mut self, found: Vec<Point>) -> Result<(), Disorder> {
        self.known.extend(found);
        self.known.sort_unstable_by_key(|point| point.at);
        self.known.dedup_by_key(|point| point.at);
        let runs_backwards =
            |pair: &[Point]| pair[1].sure < pair[0].sure.saturating_sub(self.slack);
        if self.known.windows(2).any(runs_backwards) {
            return Err(Disorder);
        }
        Ok(())
    }

    /// The last known place whose picture is shown at `time` or before.
    pub fn before(&self, time: i64) -> Option<Point> {
        let before = self.known.partition_point(|point| point.sure <= time);
        let before = self.known[..before].iter().rev();
        before.copied().find(|point| point.shown <= time)
    }

    /// The first known place from which on all pictures are shown at `time` or later.
    pub fn after(&self, time: i64) -> Option<Point> {
        let after = self.known.partition_point(|point| point.sure < time);
        self.known.get(after).copied()
    }

    /// Bytes for each unit of time before `time`, over `span` at least; `None` if not enough is known.
    pub fn rate_before(&self, time: i64, span: i64) -> Option<f64> {
        let (start, end) = (self.before(time.saturating_sub(span))?, self.after(time)?);
        let units = end.shown.saturating_sub(start.shown);
        let bytes = end.at.checked_sub(start.at)?;
        (units > 0).then(|| bytes as f64 / units as f64)
    }

    /// All that is known.
    pub fn known(&self) -> &[Point] {
        &self.known
    }

    /// Where to look for the place behind `time`, between `first` and `last`, which are places
    /// before and behind all, and so far aside from what is known: from there to the next that is known.
    /// `None` if enough is known.
    fn guess(
        &self,
        time: i64,
        (first, last): (Point, Point),
        params: SearchParams,
        aside: u64,
    ) -> Option<Range<u64>> {
        let low = self.before(time).unwrap_or(first);
        let high = self.after(time).unwrap_or(last);
        let gap = high.at.checked_sub(low.at)?;
        let late = high.sure.saturating_sub(time);
        if gap <= params.near || (late <= params.soon && high != last) {
            return None;
        }
        let aim = time.saturating_add(params.soon / 2);
        let part = aim.saturating_sub(low.shown).max(0) as f64;
        let whole = high.sure.saturating_sub(low.shown).max(1) as f64;
        let at = low.at + (gap as f64 * (part / whole).min(1.0)) as u64;
        let aside = aside.min(gap / 2);
        let at = at.clamp(low.at + aside, high.at - aside);
        let at = at.saturating_sub(params.probe_bytes / 2).max(low.at);
        // Neighbours that look at about the same place do so once.
        Some(at - at % (params.probe_bytes / 2).max(1)..high.at)
    }
}

/// Narrows the byte offset of each timestamp of `times` until it is tight enough or the budget is spent. `ends`
/// are offsets before and behind all of them; `probe` gives the timestamps that it finds in a range of bytes.
///
/// # Errors
/// If times run backwards, or `probe` fails.
pub async fn search<F>(
    points: &mut TimestampMap,
    times: &[i64],
    ends: (Point, Point),
    params: SearchParams,
    probe: impl Fn(Range<u64>) -> F,
) -> Result<(), IndexError>
where
    F: Future<Output = Result<Vec<Point>, IndexError>>,
{
    let mut seen: BTreeSet<u64> = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut places = BTreeMap::new();
        for time in times {
            // Where a look has not helped, the next goes further aside.
            let mut asides = (0..=round).map(|tried| (params.near / 4) * ((1 << tried) - 1));
            places.extend(asides.find_map(|aside| {
                let within = points.guess(*time, ends, params, aside)?;
                (!seen.contains(&within.start)).then_some((within.start, within))
            }));
        }
        if places.is_empty() {
            break;
        }
        seen.extend(places.keys());
        if seen.len() > MOST_LOOKS {
            return Err(IndexError::None("it takes too many looks".into()));
        }
        let looks = stream::iter(places.into_values()).map(&probe);
        let found: Vec<_> = looks.buffer_unordered(AT_ONCE).try_collect().await?;
        points
            .add(found.into_iter().flatten().collect())
            .map_err(|Disorder| IndexError::None("its times run backwards".into()))?;
    }
    Ok(())
}

/// Most bytes that all looks may read: so many, or that part of a large source.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
const MOST_PART: u64 = 32;

/// Reads `bytes` bytes where `within` starts, and then more, until `find` finds something: it is told
/// where the bytes start.
///
/// # Errors
/// If they cannot be read, or too much has been read.
pub async fn probe(
    reader: &Arc<Reader>,
    within: Range<u64>,
    bytes: u64,
    find: impl Fn(u64, &[u8]) -> Vec<Point>,
) -> Result<Vec<Point>, IndexError> {
    // With all that was read before, by ffprobe too.
    let most = (reader.len() / MOST_PART).max(MOST_BYTES);
    let (mut start, mut content) = (within.start, Vec::new());
    for piece in 0..PIECES {
        let mut at = start + content.len() as u64;
        if piece >= EVEN_PIECES {
            // As far again as it is from the start.
            at = at.saturating_add(at - within.start);
            (start, content) = (at, Vec::new());
        }
        if at >= within.end {
            break;
        }
        if reader.bytes_read() > most {
            return Err(IndexError::None("it takes too much looking".into()));
        }
        let read: Bytes = reader.read(at..at.saturating_add(bytes)).await?;
        content.extend_from_slice(&read);
        let found = find(start, &content);
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

//! Keyframes that the index of an AVI lists.
//!
//! FFmpeg's demuxer gives a chunk the time of its number, so a file of keyframes alone would have wrong times there. They
//! are fed as Matroska.

use std::{ops::Range, sync::Arc};

use futures::TryStreamExt as _;
use gifgen_reader::{BlockCache, ReadError, Reader};
use gifgen_shared::{
    VideoStream,
    overview::{Sheet, tiles},
};
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe::Sender;

use super::{
    feed_sheet::write,
    fetches::{MAX_KEYFRAME_BYTES, read_all},
    plan::{Keyframes, SheetPlan, check_range},
    sheet_tile::{SheetTile, of_sheet, rounded},
    slots::{PlannedTile, Slots},
};
use crate::{
    avi::{AviFile, Entry},
    avi_codec::{Order, PARAMETERS_BYTES, is_without_delay, keyframe_track},
    excerpt::{Demuxer, NoExcerpt},
    feed::FeedError,
    matroska::keyframe_file::keyframe_at,
};

/// By how much the length of a film may differ from what its pictures take, in seconds: else FFmpeg has counted otherwise
/// than its index.
const SAME_LENGTH_SECONDS: f64 = 1.0;

/// The tiles of a sheet, and the chunks of those that are not exact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Chunks {
    slots: Slots,
    tiles: Vec<(PlannedTile, Option<Entry>)>,
    /// Whether each keyframe must say that no picture is presented later than it is stored.
    is_mpeg4: bool,
    /// Where the source ends.
    end: u64,
}

impl Chunks {
    pub(super) fn has_keyframes(&self) -> bool {
        self.tiles.iter().any(|(_, entry)| entry.is_some())
    }

    pub(super) fn check(&self, bytes: u64) -> Result<(), NoExcerpt> {
        self.slots.check(self.tiles.iter().map(|(tile, _)| *tile))?;
        for ((_, pts), entry) in &self.tiles {
            // The times of Matroska are not negative.
            if pts.is_some() != entry.is_some() || pts.is_some_and(|pts| pts < 0.0) {
                return Err(NoExcerpt::because("its tiles do not fit its chunks"));
            }
            if let Some(entry) = entry {
                check_range(&self.range(entry), bytes)?;
            }
        }
        Ok(())
    }

    /// Where `entry` is with the header of the chunk behind it.
    fn range(&self, entry: &Entry) -> Range<u64> {
        let range = entry.range();
        range.start..range.end.min(self.end)
    }

    /// Writes the keyframes, and says which. A tile whose chunk is not where the index says is exact.
    pub(super) async fn feed(
        &self,
        reader: &Arc<Reader>,
        pipe: &mut Sender,
    ) -> Result<Vec<SheetTile>, FeedError> {
        let entries = self.tiles.iter().filter_map(|(_, entry)| *entry);
        let ranges: Vec<_> = entries.map(|entry| self.range(&entry)).collect();
        let mut reads = read_all(reader, &ranges);
        let mut fetched = Vec::new().into_iter();
        let mut tiles = Vec::new();
        let mut is_open = true;
        for ((slot, pts), entry) in &self.tiles {
            let planned = self.slots.tile((*slot, *pts));
            // If FFmpeg has closed its end, it has not seen the rest.
            let fed = pts.zip(*entry).filter(|_| is_open);
            let Some((pts, entry)) = fed else {
                tiles.push(planned);
                continue;
            };
            let mut bytes = fetched.next();
            if bytes.is_none() {
                fetched = reads.try_next().await?.unwrap_or_default().into_iter();
                bytes = fetched.next();
            }
            let picture = bytes.as_deref().and_then(|bytes| entry.picture(bytes));
            match picture.filter(|picture| self.is_in_order(picture)) {
                Some(picture) => {
                    is_open = write(pipe, &keyframe_at(pts, picture)).await?;
                    tiles.push(planned);
                }
                None => tiles.push(SheetTile::exact(*slot)),
            }
        }
        Ok(self.slots.filled(tiles))
    }

    /// Whether the keyframe `picture` is presented at the time of its chunk.
    fn is_in_order(&self, picture: &[u8]) -> bool {
        !self.is_mpeg4 || is_without_delay(picture)
    }
}

/// The plans of `sheets` of a film of `length` seconds. `None` stands for sheets of which FFmpeg cannot be given keyframes.
///
/// # Errors
/// If the source cannot be read.
pub(super) async fn plan(
    blocks: &BlockCache,
    video: &VideoStream,
    length: f64,
    sheets: &[Sheet],
) -> Result<Vec<Option<SheetPlan>>, ReadError> {
    let none = || sheets.iter().map(|_| None).collect();
    let (Some(file), Some(first)) = (AviFile::read(blocks, video.index).await?, sheets.first())
    else {
        return Ok(none());
    };
    let Some((track, order)) = keyframe_track(&file).filter(|_| file.first_picture == 0) else {
        return Ok(none());
    };
    let pictures = file.pictures(blocks).await?.unwrap_or_default();
    let claimed = file.claimed_pictures as usize;
    let seconds = pictures.len() as f64 * file.picture_seconds - video.start_time;
    let is_complete = pictures.len() == claimed && are_in_order(&pictures);
    if !is_complete || (seconds - length).abs() > SAME_LENGTH_SECONDS {
        return Ok(none());
    }
    let is_mpeg4 = order == Order::Mpeg4;
    if is_mpeg4 && !starts_in_order(blocks, &pictures).await? {
        return Ok(none());
    }
    let end = blocks.reader().len();
    let time = |number: usize| number as f64 * file.picture_seconds - video.start_time;
    let keyframes = pictures
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.is_keyframe && entry.bytes > 0)
        .map(|(number, entry)| (rounded(time(number)), *entry))
        .filter(|(at, _)| *at >= 0.0);
    let tiles = tiles(length, first.interval, keyframes);
    let header = track.header();
    let plan = |sheet: &Sheet| {
        let slots = Slots::of(sheet, video.start_time);
        let tiles = of_sheet(&tiles, sheet)
            .iter()
            .map(|tile| match tile.keyframe {
                Some(entry) if is_possible(&entry, end) => (slots.planned(tile), Some(entry)),
                _ => ((tile.slot, None), None),
            });
        SheetPlan {
            demuxer: Demuxer::Matroska,
            stream: 0,
            header: header.clone(),
            keyframes: Keyframes::Chunks(Chunks {
                slots,
                tiles: tiles.collect(),
                is_mpeg4,
                end,
            }),
        }
    };
    Ok(sheets.iter().map(|sheet| Some(plan(sheet))).collect())
}

/// Whether the chunk of `entry` may be read of a source of `end` bytes.
fn is_possible(entry: &Entry, end: u64) -> bool {
    let Range { start, end: behind } = entry.range();
    behind - start <= MAX_KEYFRAME_BYTES && start < end
}

/// Whether each of `pictures` is behind the one before, so that FFmpeg counts them in this order.
fn are_in_order(pictures: &[Entry]) -> bool {
    let is_behind = |pair: &[Entry]| match pair {
        // A chunk overlaps the next one only in an index that is wrong.
        [one, next] => one.offset + u64::from(one.bytes) < next.offset,
        _ => true,
    };
    pictures.windows(2).all(is_behind)
}

/// Whether the first keyframe of MPEG-4 says that no picture is presented later than it is stored.
async fn starts_in_order(blocks: &BlockCache, pictures: &[Entry]) -> Result<bool, ReadError> {
    let first = pictures.iter().find(|entry| entry.bytes > 0);
    let Some(start) = first.map(|entry| entry.offset) else {
        return Ok(false);
    };
    let read = start..start + PARAMETERS_BYTES as u64;
    let bytes = blocks.read(read).await?;
    Ok(is_without_delay(bytes.get(8..).unwrap_or_default()))
}

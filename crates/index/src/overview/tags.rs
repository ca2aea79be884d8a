//! Keyframes that the metadata of a Flash video list.
//!
//! The metadata say where tags are, and when by their timestamps. When a keyframe is presented is only known from its tag.
//! That is seldom the same with each: the plan supposes that all are presented as much later than their tags as the first
//! one is.

use std::sync::Arc;

use gifgen_reader::{BlockCache, ReadError, Reader};
use gifgen_shared::{
    VideoStream,
    overview::{Sheet, Tile, tiles},
};
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe::Sender;

use super::{
    feed_found::feed_found,
    guess::{Group, Guess},
    plan::{Keyframes, SheetPlan},
    sheet_tile::{SheetTile, of_sheet, rounded},
    slots::{PlannedTile, Slots},
};
use crate::{
    decoder_restart::Restart,
    excerpt::{Demuxer, NoExcerpt},
    feed::FeedError,
    flv::{
        FlvCodec, FlvHead, ListedKeyframe, SIZE_BYTES, TAG_BYTES, Tag, changes_setup, keyframe_tag,
    },
    matroska::keyframe_file::keyframe_at,
};

/// How far before a keyframe a header of the sequence is looked for, in bytes. The sound between them is short.
const BEFORE_BYTES: u64 = 4 * 1024;

/// Longest tag, in bytes.
const MAX_TAG_BYTES: u64 = 8 * 1024 * 1024;

/// How much later than its tag the first picture may be presented, in seconds.
const MAX_LATER: f64 = 2.0;

/// Timestamps are whole milliseconds, and metadata may be written with fewer digits.
const SAME_MS: f64 = 1.5;

/// The tiles of a sheet, and where the metadata say that their keyframes are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tags {
    slots: Slots,
    tiles: Vec<(PlannedTile, Option<TaggedKeyframe>)>,
    codec: FlvCodec,
    /// Where the source ends.
    end: u64,
}

/// Where the metadata say that the tag of a keyframe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TaggedKeyframe {
    offset: u64,
    /// How far it is to the next one, in bytes and in ms.
    group: Group,
}

impl Tags {
    pub(super) fn has_keyframes(&self) -> bool {
        self.tiles.iter().any(|(_, keyframe)| keyframe.is_some())
    }

    pub(super) fn check(&self, bytes: u64) -> Result<(), NoExcerpt> {
        self.slots.check(self.tiles.iter().map(|(tile, _)| *tile))?;
        let are_possible = self.tiles.iter().all(|((_, pts), keyframe)| {
            pts.is_some() == keyframe.is_some()
                && keyframe.is_none_or(|keyframe| keyframe.offset < self.end)
        });
        let is_short = self.codec.decoder_setup().is_short();
        if !are_possible || self.end > bytes || !is_short {
            return Err(NoExcerpt::because(
                "its tags are behind the end of the source",
            ));
        }
        Ok(())
    }

    /// Writes the keyframes, and says which. A tile is exact if the metadata do not lead to a keyframe for its slot.
    pub(super) async fn feed(
        &self,
        reader: &Arc<Reader>,
        pipe: &mut Sender,
    ) -> Result<Vec<SheetTile>, FeedError> {
        // Exact tiles, if it cannot be parsed.
        let restart = self.codec.decoder_setup().restart();
        let guess = Guess::default();
        let reads = self.tiles.iter().map(|(_, keyframe)| {
            let (guess, keyframe) = (&guess, *keyframe);
            async move {
                let Some(keyframe) = keyframe else {
                    return Ok(None);
                };
                Ok::<_, FeedError>(self.read(reader, keyframe, guess).await?)
            }
        });
        // Collected, since a stream that borrows what it maps is not `Send` enough for the compiler.
        let reads = reads.collect();
        let exact = self
            .tiles
            .iter()
            .map(|((slot, _), _)| SheetTile::exact(*slot));
        let picture = |tile: SheetTile, found: Read, nth| {
            self.picture(tile.slot, &found, restart.as_ref(), nth)
        };
        let tiles = feed_found(reads, MAX_TAG_BYTES, exact.collect(), pipe, picture).await?;
        Ok(self.slots.filled(tiles))
    }

    /// Reads the tag of `keyframe`, with what stands before it. `None` if there is none.
    async fn read(
        &self,
        reader: &Arc<Reader>,
        keyframe: TaggedKeyframe,
        guess: &Guess,
    ) -> Result<Option<Read>, ReadError> {
        let start = keyframe.offset.saturating_sub(BEFORE_BYTES);
        let before = (keyframe.offset - start) as usize;
        let end = keyframe.offset.saturating_add(guess.of(keyframe.group));
        let mut bytes = reader.read(start..end.min(self.end)).await?.to_vec();
        let Some(tag) = bytes.get(before..).and_then(Tag::of) else {
            return Ok(None);
        };
        let length = tag.length() as u64;
        let needed = keyframe.offset.saturating_add(length);
        if length > MAX_TAG_BYTES || needed > self.end {
            return Ok(None);
        }
        guess.add(keyframe.group, length);
        let read = start + bytes.len() as u64;
        if read < needed {
            bytes.extend_from_slice(&reader.read(read..needed).await?);
        }
        Ok(Some(Read { bytes, before }))
    }

    /// The tile at `slot` with the keyframe that was `read`, and what FFmpeg reads of that, the `nth` one. `None` if it is
    /// no keyframe for this slot.
    fn picture(
        &self,
        slot: u32,
        read: &Read,
        restart: Option<&Restart>,
        nth: usize,
    ) -> Option<(SheetTile, Vec<u8>)> {
        let (before, tag) = read.bytes.split_at_checked(read.before)?;
        let found = keyframe_tag(tag, &self.codec)?;
        let pts = found.pts as f64 / 1e3;
        if changes_setup(before, &self.codec) || !self.slots.is_near(slot, pts) {
            return None;
        }
        let picture = restart?.of(found.picture, nth)?;
        let tile = self.slots.tile((slot, Some(pts)));
        Some((tile, keyframe_at(pts, &picture)))
    }
}

/// Bytes of a source: a tag, with so many bytes `before` it.
struct Read {
    bytes: Vec<u8>,
    before: usize,
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
    let (Some(head), Some(first)) = (FlvHead::read(blocks).await?, sheets.first()) else {
        return Ok(none());
    };
    let end = blocks.reader().len();
    if !are_there(blocks, &head).await? {
        return Ok(none());
    }
    let start = head.keyframes.first().map_or(0.0, |first| first.seconds);
    let later = video.start_time - start;
    let later = if (0.0..=MAX_LATER).contains(&later) {
        later
    } else {
        0.0
    };
    let nexts = head.keyframes.iter().skip(1).map(Some).chain([None]);
    let keyframes = head.keyframes.iter().zip(nexts).map(|(keyframe, next)| {
        let group = next.map_or((0, 0), |next| group(keyframe, next));
        let offset = keyframe.offset;
        let at = rounded(keyframe.seconds + later - video.start_time);
        (at, TaggedKeyframe { offset, group })
    });
    let tiles = tiles(
        length,
        first.interval,
        keyframes.filter(|(at, _)| *at >= 0.0),
    );
    let header = head.codec.track().header();
    let plan = |sheet: &Sheet| {
        let slots = Slots::of(sheet, video.start_time);
        let tiles = of_sheet(&tiles, sheet).iter();
        let tagged = |tile: &Tile<TaggedKeyframe>| (slots.planned(tile), tile.keyframe);
        SheetPlan {
            demuxer: Demuxer::Matroska,
            stream: 0,
            header: header.clone(),
            keyframes: Keyframes::Tags(Tags {
                slots,
                tiles: tiles.map(tagged).collect(),
                codec: head.codec.clone(),
                end,
            }),
        }
    };
    Ok(sheets.iter().map(|sheet| Some(plan(sheet))).collect())
}

/// How far it is from `keyframe` to the `next` one, in bytes and in ms.
fn group(keyframe: &ListedKeyframe, next: &ListedKeyframe) -> Group {
    let bytes = next.offset.saturating_sub(keyframe.offset);
    (bytes, ((next.seconds - keyframe.seconds) * 1e3) as i64)
}

/// Whether the first and the last keyframe of the metadata are tags with their timestamps. Metadata of a file that was cut
/// or changed are wrong everywhere behind that.
async fn are_there(blocks: &BlockCache, head: &FlvHead) -> Result<bool, ReadError> {
    let [first, .., last] = &head.keyframes[..] else {
        return Ok(false);
    };
    for keyframe in [first, last] {
        let end = keyframe
            .offset
            .saturating_add((TAG_BYTES + SIZE_BYTES) as u64);
        let bytes = blocks.read(keyframe.offset..end).await?;
        let is_there =
            |tag: Tag| tag.is_video() && (tag.ms as f64 - keyframe.seconds * 1e3).abs() <= SAME_MS;
        if !Tag::of(&bytes).is_some_and(is_there) {
            return Ok(false);
        }
    }
    Ok(true)
}

//! Keyframes that the cues of a Matroska file name.

use std::sync::Arc;

use gifgen_reader::Reader;
use gifgen_shared::{
    VideoStream,
    overview::{Sheet, Tile, tiles},
};
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe::Sender;

use super::{
    feed_found::feed_found,
    guess::Guess,
    plan::{Keyframes, SheetPlan},
    sheet_tile::{SheetTile, of_sheet, rounded},
    slots::{PlannedTile, Slots},
};
use crate::{
    decoder_restart::{DecoderSetup, Restart},
    excerpt::{Demuxer, NoExcerpt},
    feed::FeedError,
    matroska::{
        Head,
        cued_block::{CuedBlock, MAX_BLOCK_BYTES, Wanted, cluster_of, cued_block, with_picture},
        cues::Cue,
    },
};

/// The tiles of a sheet, and where the cues say that their keyframes are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Cued {
    slots: Slots,
    tiles: Vec<(PlannedTile, Option<CuedKeyframe>)>,
    track: u64,
    /// Where the last cluster ends.
    end: u64,
    decoder_setup: DecoderSetup,
}

/// Where a cue says that a keyframe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CuedKeyframe {
    /// In ticks of the file.
    pts: i64,
    /// Where its cluster starts in the source.
    cluster: u64,
    /// Where its block starts in the content of the cluster.
    block: Option<u64>,
    /// How far it is to the next cue, in bytes and in ticks.
    group: (u64, i64),
}

impl Cued {
    pub(super) fn has_keyframes(&self) -> bool {
        self.tiles.iter().any(|(_, keyframe)| keyframe.is_some())
    }

    pub(super) fn check(&self, bytes: u64) -> Result<(), NoExcerpt> {
        self.slots.check(self.tiles.iter().map(|(tile, _)| *tile))?;
        let are_possible = self.tiles.iter().all(|((_, pts), keyframe)| {
            pts.is_some() == keyframe.is_some()
                && keyframe.is_none_or(|keyframe| keyframe.cluster < self.end)
        });
        if !are_possible || self.end > bytes || !self.decoder_setup.is_short() {
            return Err(NoExcerpt::because(
                "its cues are behind the end of the source",
            ));
        }
        Ok(())
    }

    /// Writes the keyframes, and says which. A tile whose cue does not lead to its keyframe is exact.
    pub(super) async fn feed(
        &self,
        reader: &Arc<Reader>,
        pipe: &mut Sender,
    ) -> Result<Vec<SheetTile>, FeedError> {
        // Exact tiles, if it cannot be parsed.
        let restart = self.decoder_setup.restart();
        let guess = Guess::default();
        let reads = self.tiles.iter().map(|(_, keyframe)| {
            let (guess, keyframe) = (&guess, *keyframe);
            async move {
                let Some(keyframe) = keyframe else {
                    return Ok(None);
                };
                let wanted = Wanted {
                    cluster: keyframe.cluster,
                    block: keyframe.block,
                    track: self.track,
                    pts: keyframe.pts,
                };
                let found = cued_block(reader, wanted, self.end, guess.of(keyframe.group)).await?;
                if let Some(found) = &found {
                    guess.add(keyframe.group, found.needed);
                }
                Ok::<_, FeedError>(found)
            }
        });
        // Collected, since a stream that borrows what it maps is not `Send` enough for the compiler.
        let reads = reads.collect();
        let planned = self.tiles.iter().map(|(tile, _)| self.slots.tile(*tile));
        let keyframe =
            |tile, found: CuedBlock, nth| Some((tile, cluster(&found, restart.as_ref(), nth)?));
        let tiles = feed_found(reads, MAX_BLOCK_BYTES, planned.collect(), pipe, keyframe).await?;
        Ok(self.slots.filled(tiles))
    }
}

/// A cluster of the block `found`, the `nth` one. `None` if it cannot be changed as its decoder needs it.
fn cluster(found: &CuedBlock, restart: Option<&Restart>, nth: usize) -> Option<Vec<u8>> {
    let element = match restart? {
        Restart::Nothing => return Some(cluster_of(found.cluster_timestamp, &found.element)),
        restart => with_picture(&found.element, |picture| restart.of(picture, nth))?,
    };
    Some(cluster_of(found.cluster_timestamp, &element))
}

/// How far it is from `cue` to the next one, in bytes and in ticks.
fn group(head: &Head, cue: &Cue) -> (u64, i64) {
    let next = head.cues.partition_point(|other| other.pts <= cue.pts);
    head.cues.get(next).map_or((0, 0), |next| {
        let bytes = next.cluster_offset.saturating_sub(cue.cluster_offset);
        (bytes, next.pts.saturating_sub(cue.pts))
    })
}

/// The plans of `sheets` of a film of `length` seconds, by the cues in `head`. `None` stands for sheets of which FFmpeg
/// cannot be given keyframes.
pub(super) fn plan(
    head: &Head,
    video: &VideoStream,
    length: f64,
    sheets: &[Sheet],
) -> Vec<Option<SheetPlan>> {
    let none = || sheets.iter().map(|_| None).collect();
    let Some(decoder_setup) = &head.decoder_setup else {
        return none();
    };
    let Some(interval) = sheets.first().map(|sheet| sheet.interval) else {
        return none();
    };
    let clock = head.clock(video);
    let cues = head
        .cues
        .iter()
        .map(|cue| (rounded(clock.seconds(cue.pts)), *cue));
    let tiles = tiles(length, interval, cues.filter(|(at, _)| *at >= 0.0));
    let cued = |slots: &Slots, tile: &Tile<Cue>| {
        let keyframe = tile.keyframe.map(|cue| CuedKeyframe {
            pts: cue.pts,
            cluster: head.segment.saturating_add(cue.cluster_offset),
            block: cue.block_offset,
            group: group(head, &cue),
        });
        (slots.planned(tile), keyframe)
    };
    let plan = |sheet: &Sheet| {
        let slots = Slots::of(sheet, video.start_time);
        let tiles = of_sheet(&tiles, sheet).iter();
        SheetPlan {
            demuxer: Demuxer::Matroska,
            stream: video.index,
            header: head.header.clone(),
            keyframes: Keyframes::Cued(Cued {
                slots,
                tiles: tiles.map(|tile| cued(&slots, tile)).collect(),
                track: head.track.number,
                end: head.clusters.end,
                decoder_setup: decoder_setup.clone(),
            }),
        }
    };
    sheets.iter().map(|sheet| Some(plan(sheet))).collect()
}

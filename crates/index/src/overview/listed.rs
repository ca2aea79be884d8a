//! Keyframes that an index lists: an MP4's.

use std::sync::Arc;

use futures::TryStreamExt as _;
use gifgen_reader::Reader;
use gifgen_shared::overview::{Sheet, Tile};
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe::Sender;

use super::{
    feed_sheet::write,
    fetches::read_all,
    plan::{Keyframes, SheetPlan, check_range},
    sheet_tile::{SheetTile, of_sheet},
    slots::{PlannedTile, Slots},
};
use crate::{
    decoder_restart::DecoderSetup,
    excerpt::{Demuxer, NoExcerpt},
    feed::FeedError,
    mp4::{Keyframe, Mp4Index, Piece},
};

/// Longest parameters before a keyframe, in bytes.
const MAX_BEFORE_BYTES: usize = 64 * 1024;

/// The tiles of a sheet, and the keyframes of those that are not exact, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) slots: Slots,
    pub(super) tiles: Vec<PlannedTile>,
    pub(super) pieces: Vec<Piece>,
    /// That of codecs whose keyframes are changed or looked into.
    pub(super) decoder_setup: DecoderSetup,
}

impl Listed {
    pub(super) fn check(&self, bytes: u64) -> Result<(), NoExcerpt> {
        self.slots.check(self.tiles.iter().copied())?;
        let keyed = self.tiles.iter().filter(|(_, pts)| pts.is_some()).count();
        if !self.decoder_setup.is_short() || keyed != self.pieces.len() {
            return Err(NoExcerpt::because("its tiles do not fit its keyframes"));
        }
        if self
            .pieces
            .iter()
            .any(|piece| piece.before.len() > MAX_BEFORE_BYTES)
        {
            return Err(NoExcerpt::because("too much stands before a keyframe"));
        }
        let mut pieces = self.pieces.iter();
        pieces.try_for_each(|piece| check_range(&piece.range, bytes))
    }

    /// Writes the keyframes, and says which.
    pub(super) async fn feed(
        &self,
        reader: &Arc<Reader>,
        pipe: &mut Sender,
    ) -> Result<Vec<SheetTile>, FeedError> {
        let ranges: Vec<_> = self
            .pieces
            .iter()
            .map(|piece| piece.range.clone())
            .collect();
        let mut befores = self.pieces.iter().map(|piece| &piece.before);
        let restart = self.decoder_setup.restart();
        let mut are_keyframes = Vec::new();
        let mut reads = read_all(reader, &ranges);
        while let Some(keyframes) = reads.try_next().await? {
            for (keyframe, before) in keyframes.iter().zip(&mut befores) {
                let changed = restart.as_ref().and_then(|restart| restart.of(keyframe, 0));
                are_keyframes.push(changed.is_some());
                // The header tells FFmpeg of all pieces, so those that are no keyframes are written too.
                let piece = [&before[..], changed.as_deref().unwrap_or(keyframe)].concat();
                if !write(pipe, &piece).await? {
                    return Ok(self.tiles(&are_keyframes));
                }
            }
        }
        Ok(self.tiles(&are_keyframes))
    }

    /// The tiles. `are_keyframes` is whether the pieces are keyframes, as far as they were read.
    fn tiles(&self, are_keyframes: &[bool]) -> Vec<SheetTile> {
        let mut are_keyframes = are_keyframes.iter();
        let tiles = self.tiles.iter().map(|tile| {
            let tile = self.slots.tile(*tile);
            match tile.pts.and_then(|_| are_keyframes.next()) {
                Some(false) => SheetTile::exact(tile.slot),
                _ => tile,
            }
        });
        self.slots.filled(tiles.collect())
    }
}

/// The plan of `sheet`, whose tiles are among those of the film, in an MP4. `None` if the keyframes cannot be cut out.
pub(super) fn plan(
    index: &Mp4Index,
    start_time: f64,
    sheet: &Sheet,
    tiles: &[Tile<Keyframe>],
) -> Option<SheetPlan> {
    let tiles = of_sheet(tiles, sheet);
    let keyframes: Vec<Keyframe> = tiles.iter().filter_map(|tile| tile.keyframe).collect();
    let (header, pieces, decoder_setup) = if keyframes.is_empty() {
        (Vec::new(), Vec::new(), DecoderSetup::Other)
    } else {
        let file = index.file_of(&keyframes)?;
        let setup = match file.decoder_setup {
            // What stands before keyframes is in the pieces.
            DecoderSetup::H264(_) => DecoderSetup::Other,
            setup => setup,
        };
        (file.header, file.pieces, setup)
    };
    let slots = Slots::of(sheet, start_time);
    let tiles = tiles.iter().map(|tile| slots.planned(tile));
    Some(SheetPlan {
        demuxer: Demuxer::Mov,
        stream: 0,
        header,
        keyframes: Keyframes::Listed(Listed {
            slots,
            tiles: tiles.collect(),
            pieces,
            decoder_setup,
        }),
    })
}

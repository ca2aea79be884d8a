//! The slots of a sheet, and what a plan from an event may say of them.

use gifgen_shared::overview::{FAR_SECONDS, Sheet, TILES_PER_SHEET, Tile};
use serde::{Deserialize, Serialize};

use super::sheet_tile::{SheetTile, rounded};
use crate::excerpt::NoExcerpt;

/// Longest film, in seconds.
const MAX_SECONDS: f64 = 1e9;

/// A tile in a plan: its slot, and the pts of its keyframe in what FFmpeg reads, in seconds. `None` is an exact one.
pub(super) type PlannedTile = (u32, Option<f64>);

/// The slots of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Slots {
    /// The first one, in seconds, and how many there are.
    start: u32,
    count: u32,
    interval: u32,
    /// When FFmpeg shows the first picture of the film, in seconds. From here on a tile's time counts.
    start_time: f64,
}

impl Slots {
    /// Those of `sheet`.
    pub(super) fn of(sheet: &Sheet, start_time: f64) -> Self {
        Self {
            start: sheet.start,
            count: sheet.times().count() as u32,
            interval: sheet.interval,
            start_time,
        }
    }

    /// A planned `tile` of the film.
    pub(super) fn planned<K>(&self, tile: &Tile<K>) -> PlannedTile {
        let pts = tile.keyframe.as_ref().map(|_| tile.at + self.start_time);
        (tile.slot, pts)
    }

    /// Whether `tiles` may be those of this sheet: each in a slot of its own, in order, with a keyframe that is at the slot
    /// or between it and the slot before.
    pub(super) fn check(
        &self,
        tiles: impl IntoIterator<Item = PlannedTile>,
    ) -> Result<(), NoExcerpt> {
        let wrong = |what| Err(NoExcerpt::because(what));
        let end = u64::from(self.count) * u64::from(self.interval) + u64::from(self.start);
        if self.count as usize > TILES_PER_SHEET || self.interval == 0 {
            return wrong("it has too many tiles");
        }
        // Not a number is not within either.
        let is_possible = (-MAX_SECONDS..MAX_SECONDS).contains(&self.start_time);
        if u32::try_from(end).is_err() || !is_possible {
            return wrong("its tiles are behind the end of any film");
        }
        let mut slots = self.iter();
        for (slot, pts) in tiles {
            // Goes on behind the slot of the tile before.
            if !slots.any(|other| other == slot) {
                return wrong("its tiles are not in order");
            }
            if !pts.is_none_or(|pts| self.is_near(slot, pts)) {
                return wrong("a keyframe is not before its slot");
            }
        }
        Ok(())
    }

    /// Whether a keyframe at `pts` may be the tile at `slot`.
    pub(super) fn is_near(&self, slot: u32, pts: f64) -> bool {
        let at = self.at(pts);
        let (slot, interval) = (f64::from(slot), f64::from(self.interval));
        (0.0..=slot).contains(&at) && at > slot - interval
    }

    /// The tile at `slot`.
    pub(super) fn tile(&self, (slot, pts): PlannedTile) -> SheetTile {
        match pts {
            None => SheetTile::exact(slot),
            Some(pts) => SheetTile {
                slot,
                at: self.at(pts),
                pts: Some(pts),
            },
        }
    }

    fn at(&self, pts: f64) -> f64 {
        rounded(pts - self.start_time)
    }

    /// `tiles` of this sheet, and exact ones in slots that may not be without: those between keyframes that are more than
    /// 30 s apart.
    pub(super) fn filled(&self, tiles: Vec<SheetTile>) -> Vec<SheetTile> {
        // The keyframe before the sheet is at the slot before it, or earlier.
        let mut since = f64::from(self.start) - f64::from(self.interval);
        let mut filled = Vec::with_capacity(tiles.len());
        let mut missing: Vec<u32> = Vec::new();
        let mut tiles = tiles.into_iter().peekable();
        for slot in self.iter().map(Some).chain([None]) {
            let tile = tiles.next_if(|tile| Some(tile.slot) == slot);
            if let (Some(slot), None) = (slot, tile) {
                missing.push(slot);
                continue;
            }
            // The next keyframe is behind the last of them.
            let is_far = |last: &u32| f64::from(*last) - since > FAR_SECONDS;
            if missing.last().is_some_and(is_far) {
                filled.extend(missing.iter().copied().map(SheetTile::exact));
            }
            missing.clear();
            since = tile.map_or(since, |tile| tile.at);
            filled.extend(tile);
        }
        filled
    }

    fn iter(&self) -> impl Iterator<Item = u32> + use<> {
        let Self {
            start,
            count,
            interval,
            ..
        } = *self;
        (0..count).map(move |n| start + n * interval)
    }
}

#[cfg(test)]
mod tests {
    use gifgen_shared::overview::{sheets, tiles};
    use proptest::prelude::*;

    use super::*;
    use crate::overview::sheet_tile::of_sheet;

    const SLOTS: Slots = Slots {
        start: 100,
        count: 10,
        interval: 10,
        start_time: 1.5,
    };

    #[test]
    fn the_time_of_a_tile_is_that_of_its_keyframe() {
        let tile = SLOTS.tile((110, Some(108.9)));
        assert_eq!((tile.slot, tile.at, tile.pts), (110, 107.4, Some(108.9)));
        assert_eq!(SLOTS.tile((110, None)), SheetTile::exact(110));
    }

    #[test]
    fn keyframes_behind_their_slots_or_before_the_slot_before_are_refused() {
        let is_taken = |pts| SLOTS.check([(110, Some(pts))]).is_ok();
        assert!(is_taken(111.5) && is_taken(101.6));
        for pts in [111.6, 101.5, -1.0, f64::NAN, f64::INFINITY] {
            assert!(!is_taken(pts), "{pts}");
        }
    }

    #[test]
    fn slots_that_are_not_ascending_or_not_in_the_sheet_are_refused() {
        let is_taken = |slots: &[u32]| SLOTS.check(slots.iter().map(|slot| (*slot, None))).is_ok();
        assert!(is_taken(&[]) && is_taken(&[100, 120, 190]));
        for slots in [&[120, 110][..], &[110, 110], &[115], &[90], &[200]] {
            assert!(!is_taken(slots), "{slots:?}");
        }
        for wrong in [
            Slots {
                count: 101,
                ..SLOTS
            },
            Slots {
                interval: 0,
                ..SLOTS
            },
            Slots {
                start: u32::MAX,
                ..SLOTS
            },
            Slots {
                start_time: f64::NAN,
                ..SLOTS
            },
        ] {
            assert!(wrong.check([]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_sheet_that_says_nothing_of_its_slots_has_exact_tiles() {
        let all: Vec<SheetTile> = SLOTS.iter().map(SheetTile::exact).collect();
        assert_eq!(SLOTS.filled(Vec::new()), all);
        let first = SLOTS.tile((100, Some(101.5)));
        assert_eq!(SLOTS.filled(vec![first])[1..], all[1..]);
        let last = SLOTS.tile((190, Some(191.5)));
        assert_eq!(SLOTS.filled(vec![last])[..9], all[..9]);
        // Nearly thirty seconds without a keyframe are possible.
        let near = [
            first,
            SLOTS.tile((130, Some(131.5))),
            SLOTS.tile((160, Some(161.5))),
        ];
        assert_eq!(SLOTS.filled(near.to_vec()), near.to_vec());
    }

    proptest! {
        #[test]
        fn the_tiles_of_a_film_are_taken_as_they_are(
            mut keyframes in prop::collection::vec(0u32..9_000_000, 0..200),
            length in 1u32..9_000, interval in 1u32..40, start_time in -99.0..99.0,
        ) {
            keyframes.sort_unstable();
            keyframes.dedup();
            let keyframes = keyframes.iter().map(|ms| (rounded(f64::from(*ms) / 1e3), ()));
            let length = f64::from(length);
            let tiles = tiles(length, interval, keyframes);
            for sheet in sheets(length, interval) {
                let slots = Slots::of(&sheet, start_time);
                let of_sheet = of_sheet(&tiles, &sheet);
                let planned: Vec<PlannedTile> = of_sheet.iter().map(|tile| slots.planned(tile)).collect();
                prop_assert!(slots.check(planned.iter().copied()).is_ok());
                let found: Vec<SheetTile> = planned.into_iter().map(|tile| slots.tile(tile)).collect();
                prop_assert!(found.iter().zip(of_sheet).all(|(found, tile)| found.at == tile.at));
                prop_assert_eq!(slots.filled(found.clone()), found);
            }
        }
    }
}

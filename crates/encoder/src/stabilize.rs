//! Stillness: a pixel that hardly differs from the picture before is taken for unchanged. Camera
//! noise and compression would otherwise make every pixel of every picture new, and a GIF has to
//! store what is new.

use crate::{activity::activity, planes::Planes};

/// Differences of up to this many levels are taken for none, in the busiest parts. A difference
/// is always to what is kept, so errors never add up.
const MOST_LEVELS: u8 = 2;

/// Each so many levels of activity allow one level of difference: in smooth parts, where a shade
/// shows, there is none.
const ACTIVITY_PER_LEVEL: u8 = 4;

/// `picture`, with the pixels of `before` where they are nearly the same.
pub(crate) fn stabilized(before: &Planes, picture: &Planes, width: usize) -> Planes {
    let busy = activity(picture, width);
    let mut moved = picture.differing(before);
    // 0xFF where the pixel changes, 0 where it stays.
    for (moved, busy) in moved.iter_mut().zip(&busy) {
        let allowed = (busy / ACTIVITY_PER_LEVEL).min(MOST_LEVELS);
        *moved = if *moved > allowed { 0xFF } else { 0 };
    }
    let mut bytes = Vec::with_capacity(picture.bytes().len());
    for (old, new) in before.split().into_iter().zip(picture.split()) {
        let pixels = old.iter().zip(new).zip(&moved);
        bytes.extend(pixels.map(|((old, new), moved)| (new & moved) | (old & !moved)));
    }
    Planes::new(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(levels: &[u8]) -> Planes {
        Planes::new(levels.repeat(3))
    }

    #[test]
    fn a_smooth_part_takes_every_change() {
        let next = stabilized(&grey(&[10, 10, 10]), &grey(&[10, 11, 12]), 3);
        assert_eq!(next.bytes(), grey(&[10, 11, 12]).bytes());
    }

    #[test]
    fn a_busy_part_stays_as_it_is_until_the_change_is_seen() {
        let still = stabilized(&grey(&[10, 90, 10]), &grey(&[12, 88, 13]), 3);
        assert_eq!(still.bytes(), grey(&[10, 90, 13]).bytes());
    }

    #[test]
    fn small_changes_never_add_up() {
        let mut kept = grey(&[100, 0, 100]);
        for level in 100..=200 {
            kept = stabilized(&kept, &grey(&[level, 0, level]), 3);
            assert!(kept.bytes()[0].abs_diff(level) <= MOST_LEVELS);
        }
    }
}

//! Stabilizing: a pixel that hardly differs from the previous picture stays unchanged. Otherwise
//! camera noise and compression would change every pixel of every picture, and a GIF stores each
//! change.

use crate::{activity::activity, planes::Planes};

/// Largest difference that is ignored, in levels, in the busiest parts. Differences are measured
/// against the picture that was kept, so errors never add up.
const MOST_LEVELS: u8 = 2;

/// Every four levels of activity allow one level of difference. Smooth parts allow none, because a
/// shade is visible there.
const ACTIVITY_PER_LEVEL: u8 = 4;

/// Returns `picture` with the pixels of `before` where they are nearly equal.
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

//! Which entries of a palette may stand for each other, when that saves bytes.
//!
//! How large an error may be follows the structural similarity index (Wang and others, 2004),
//! which models what is seen: in a part of the picture with the variance v, an error counts by
//! 1 / (2 v + C2); in the dark it counts more, by 1 / (2 m² + C1) for the mean level m.

use crate::{
    activity::{CLASSES, of_class},
    planes::Colour,
};

/// SSIM's constants for levels up to 255.
const C1: f32 = 6.5;
const C2: f32 = 58.5;

/// What counts as alike in a smooth part, in levels.
const SMOOTH: f32 = 2.5;

/// What counts as alike in the busiest part, in levels.
const BUSIEST: f32 = 10.0;

/// Most stand-ins of an entry.
const MOST: usize = 4;

/// The class of pixels that do not change: nothing may stand for what they show, or else they
/// would wander off, a little at each picture.
pub(crate) const STILL: usize = CLASSES;

/// The entries that are alike, by class of activity.
pub(crate) struct Likeness {
    classes: [Alike; CLASSES + 1],
}

#[derive(Clone)]
struct Alike {
    /// A bit for each pair of places.
    pairs: Vec<bool>,
    /// For each place those of its nearest, nearest first.
    others: Vec<Vec<u8>>,
}

impl Likeness {
    /// For the entries of a palette, of which there are at most 256. If `exact`, each stands for
    /// itself only.
    pub(crate) fn new(entries: &[Colour], exact: bool) -> Self {
        let distances: Vec<Vec<f32>> = entries
            .iter()
            .map(|one| entries.iter().map(|other| seen(*one, *other)).collect())
            .collect();
        let alike = |class| {
            if exact || class == STILL {
                return Alike::within(0.0, &distances);
            }
            let busy = of_class(class);
            let limit = (SMOOTH * (1.0 + busy * busy / C2).sqrt()).min(BUSIEST);
            Alike::within(limit * limit, &distances)
        };
        Self {
            classes: std::array::from_fn(alike),
        }
    }

    /// Whether `one` may stay where `other` is wanted.
    #[inline]
    pub(crate) fn alike(&self, class: usize, one: u8, other: u8) -> bool {
        self.classes[class].pairs[usize::from(one) << 8 | usize::from(other)]
    }

    /// What may stand for `place`, the best first.
    #[inline]
    pub(crate) fn others(&self, class: usize, place: u8) -> &[u8] {
        &self.classes[class].others[usize::from(place)]
    }
}

impl Alike {
    fn within(limit: f32, distances: &[Vec<f32>]) -> Self {
        let mut alike = Self {
            pairs: vec![false; 256 * 256],
            others: vec![Vec::new(); 256],
        };
        for (one, distances) in distances.iter().enumerate() {
            let mut others: Vec<(f32, u8)> = distances.iter().copied().zip(0..=u8::MAX).collect();
            others.retain(|(distance, _)| *distance <= limit);
            others.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            for (_, other) in &others {
                alike.pairs[one << 8 | usize::from(*other)] = true;
            }
            let others = others.into_iter().map(|(_, other)| other);
            alike.others[one] = others
                .filter(|other| usize::from(*other) != one)
                .take(MOST)
                .collect();
        }
        alike
    }
}

/// The square of the distance of two colours, as it is seen.
fn seen(one: Colour, other: Colour) -> f32 {
    let channels = one.iter().zip(other);
    channels
        .map(|(one, other)| {
            let darker = f32::from((*one).min(other));
            let error = f32::from(one.abs_diff(other));
            error * error * (1.0 + C2 / (2.0 * darker * darker + C1))
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_alike_where_the_picture_is_busier() {
        let likeness = Likeness::new(&[[100; 3], [101; 3], [104; 3], [120; 3]], false);
        assert!(likeness.alike(0, 0, 1));
        assert!(!likeness.alike(0, 0, 2));
        assert!(likeness.alike(3, 0, 2));
        assert!(!likeness.alike(3, 0, 3));
        assert_eq!(likeness.others(3, 0), [1, 2]);
    }

    #[test]
    fn nothing_is_like_black() {
        let likeness = Likeness::new(&[[0; 3], [1; 3]], false);
        assert!(!likeness.alike(0, 0, 1));
    }

    #[test]
    fn an_exact_palette_has_no_stand_ins() {
        let likeness = Likeness::new(&[[100; 3], [101; 3]], true);
        assert!(likeness.alike(3, 1, 1));
        assert!(!likeness.alike(3, 0, 1));
        assert!(likeness.others(3, 0).is_empty());
    }
}

//! Interchangeable palette entries: those that look alike, so that the cheaper one may be used.
//!
//! The tolerated error follows the structural similarity index (SSIM, Wang and others, 2004), which
//! models human vision. With the variance v of a part of the picture, an error is weighted by 1 /
//! (2 v + C2). In the dark it weighs more: by 1 / (2 m² + C1) for the mean level m.

use crate::{
    activity::{CLASSES, of_class},
    planes::Colour,
};

/// SSIM's constants for levels from 0 to 255.
const C1: f32 = 6.5;
const C2: f32 = 58.5;

/// Tolerated distance in smooth parts, in levels.
const SMOOTH: f32 = 2.5;

/// Largest tolerated distance, in the busiest parts, in levels.
const BUSIEST: f32 = 10.0;

/// Most substitutes of an entry.
const MOST_SUBSTITUTES: usize = 4;

/// The class of unchanged pixels. They get no substitutes, or else their colour would drift a
/// little with each picture.
pub(crate) const STILL: usize = CLASSES;

pub(crate) struct Interchangeable {
    classes: [Substitutes; CLASSES + 1],
}

#[derive(Clone)]
struct Substitutes {
    /// Whether a pair of entries is interchangeable.
    pairs: Vec<bool>,
    /// The substitutes of each entry, nearest first.
    substitutes: Vec<Vec<u8>>,
}

impl Interchangeable {
    /// Takes at most 256 entries. If `exact`, no entry has a substitute.
    pub(crate) fn new(entries: &[Colour], exact: bool) -> Self {
        let distances: Vec<Vec<f32>> = entries
            .iter()
            .map(|one| entries.iter().map(|other| seen(*one, *other)).collect())
            .collect();
        let alike = |class| {
            if exact || class == STILL {
                return Substitutes::within(0.0, &distances);
            }
            let busy = of_class(class);
            let limit = (SMOOTH * (1.0 + busy * busy / C2).sqrt()).min(BUSIEST);
            Substitutes::within(limit * limit, &distances)
        };
        Self {
            classes: std::array::from_fn(alike),
        }
    }

    /// Whether a pixel may keep `one` where `other` is wanted.
    #[inline]
    pub(crate) fn may_replace(&self, class: usize, one: u8, other: u8) -> bool {
        self.classes[class].pairs[usize::from(one) << 8 | usize::from(other)]
    }

    /// The substitutes for `index`, nearest first.
    #[inline]
    pub(crate) fn substitutes(&self, class: usize, index: u8) -> &[u8] {
        &self.classes[class].substitutes[usize::from(index)]
    }
}

impl Substitutes {
    fn within(limit: f32, distances: &[Vec<f32>]) -> Self {
        let mut alike = Self {
            pairs: vec![false; 256 * 256],
            substitutes: vec![Vec::new(); 256],
        };
        for (one, distances) in distances.iter().enumerate() {
            let mut substitutes: Vec<(f32, u8)> =
                distances.iter().copied().zip(0..=u8::MAX).collect();
            substitutes.retain(|(distance, _)| *distance <= limit);
            substitutes.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            for (_, other) in &substitutes {
                alike.pairs[one << 8 | usize::from(*other)] = true;
            }
            let substitutes = substitutes.into_iter().map(|(_, other)| other);
            alike.substitutes[one] = substitutes
                .filter(|other| usize::from(*other) != one)
                .take(MOST_SUBSTITUTES)
                .collect();
        }
        alike
    }
}

/// The perceived square distance of two colours.
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
        let interchangeable =
            Interchangeable::new(&[[100; 3], [101; 3], [104; 3], [120; 3]], false);
        assert!(interchangeable.may_replace(0, 0, 1));
        assert!(!interchangeable.may_replace(0, 0, 2));
        assert!(interchangeable.may_replace(3, 0, 2));
        assert!(!interchangeable.may_replace(3, 0, 3));
        assert_eq!(interchangeable.substitutes(3, 0), [1, 2]);
    }

    #[test]
    fn nothing_is_like_black() {
        let interchangeable = Interchangeable::new(&[[0; 3], [1; 3]], false);
        assert!(!interchangeable.may_replace(0, 0, 1));
    }

    #[test]
    fn an_exact_palette_has_no_stand_ins() {
        let interchangeable = Interchangeable::new(&[[100; 3], [101; 3]], true);
        assert!(interchangeable.may_replace(3, 1, 1));
        assert!(!interchangeable.may_replace(3, 0, 1));
        assert!(interchangeable.substitutes(3, 0).is_empty());
    }
}

//! Reduces many colours to at most 255: cuts along the axes of largest variance, then k-means.

use crate::{histogram::Weighted, nearest::Nearest, planes::Colour};

/// A GIF has 256 palette entries; one of them is the transparent index.
pub(crate) const MOST_COLOURS: usize = 255;

/// Rounds of k-means. Four more gain 0.1 dB and double the time.
const ROUNDS: usize = 4;

/// Takes at least one colour. Returns distinct colours, darkest first.
pub(crate) fn palette(colours: &[Weighted]) -> Vec<Colour> {
    let mut centres = cut(colours.to_vec());
    for _ in 0..ROUNDS {
        centres = moved_to_means(colours, centres);
    }
    let levels = |centre: [f32; 3]| centre.map(|level| level.round().clamp(0.0, 255.0) as u8);
    sorted(centres.into_iter().map(levels).collect())
}

/// Sorts by brightness and removes duplicates, so that neighbours in a gradient are neighbours in
/// the palette.
pub(crate) fn sorted(mut colours: Vec<Colour>) -> Vec<Colour> {
    let light = |[r, g, b]: Colour| 2 * u32::from(r) + 4 * u32::from(g) + u32::from(b);
    colours.sort_unstable_by_key(|colour| (light(*colour), *colour));
    colours.dedup();
    colours
}

/// A box of colours: a range of the list of all colours.
struct Part {
    start: usize,
    end: usize,
    mean: [f32; 3],
    /// The direction of the largest variance.
    axis: [f32; 3],
    /// Sum of square distances from the mean.
    error: f64,
}

/// Cuts the colours into as many boxes as a palette has entries, worst box first. Returns their
/// means.
fn cut(mut colours: Vec<Weighted>) -> Vec<[f32; 3]> {
    let mut parts = vec![Part::of(&colours, 0, colours.len())];
    while parts.len() < MOST_COLOURS {
        let divisible = parts.iter().enumerate();
        let worst = divisible
            .filter(|(_, part)| part.end - part.start > 1)
            .max_by(|(_, one), (_, other)| one.error.total_cmp(&other.error));
        let Some((worst, _)) = worst else { break };
        let halves = parts.swap_remove(worst).cut(&mut colours);
        parts.extend(halves);
    }
    parts.iter().map(|part| part.mean).collect()
}

impl Part {
    fn of(colours: &[Weighted], start: usize, end: usize) -> Self {
        let mut weights = 0.0;
        let mut sums = [0.0; 3];
        let mut products = [[0.0; 3]; 3];
        for Weighted { colour, weight } in &colours[start..end] {
            let colour = colour.map(f64::from);
            let weight = f64::from(*weight);
            weights += weight;
            for one in 0..3 {
                sums[one] += weight * colour[one];
                for other in one..3 {
                    products[one][other] += weight * colour[one] * colour[other];
                }
            }
        }
        let mean = sums.map(|sum| sum / weights);
        let covariance = |one: usize, other: usize| {
            products[one.min(other)][one.max(other)] - weights * mean[one] * mean[other]
        };
        Self {
            start,
            end,
            mean: mean.map(|level| level as f32),
            axis: largest_axis(covariance),
            error: covariance(0, 0) + covariance(1, 1) + covariance(2, 2),
        }
    }

    /// Cuts at the mean, across the axis.
    fn cut(self, colours: &mut [Weighted]) -> [Self; 2] {
        let along = |colour: [f32; 3]| -> f32 {
            let products = colour.iter().zip(self.axis);
            products.map(|(level, axis)| level * axis).sum()
        };
        let middle = along(self.mean);
        let (mut low, mut high) = (self.start, self.end);
        while low < high {
            if along(colours[low].colour) < middle {
                low += 1;
            } else {
                high -= 1;
                colours.swap(low, high);
            }
        }
        let middle = low.clamp(self.start + 1, self.end - 1);
        [
            Self::of(colours, self.start, middle),
            Self::of(colours, middle, self.end),
        ]
    }
}

/// Power iteration.
fn largest_axis(covariance: impl Fn(usize, usize) -> f64) -> [f32; 3] {
    // Real pictures have no axis of symmetry perpendicular to this.
    let mut axis = [1.0, 1.1, 0.9];
    for _ in 0..8 {
        let turned = [0, 1, 2].map(|row| {
            let products = (0..3).map(|column| covariance(row, column) * axis[column]);
            products.sum::<f64>()
        });
        let length = turned.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length <= 0.0 {
            break;
        }
        axis = turned.map(|x| x / length);
    }
    axis.map(|x| x as f32)
}

/// One round of k-means: each centre moves to the mean of the colours nearest to it.
fn moved_to_means(colours: &[Weighted], mut centres: Vec<[f32; 3]>) -> Vec<[f32; 3]> {
    let mut sums = vec![([0.0; 3], 0.0); centres.len()];
    let mut nearest = Nearest::new(centres.clone(), 0.0);
    for Weighted { colour, weight } in colours {
        let (place, _) = nearest.of(*colour);
        let (sum, weights) = &mut sums[usize::from(place)];
        let weight = f64::from(*weight);
        *weights += weight;
        for (sum, level) in sum.iter_mut().zip(colour) {
            *sum += weight * f64::from(*level);
        }
    }
    for (centre, (sum, weights)) in centres.iter_mut().zip(sums) {
        if weights > 0.0 {
            *centre = sum.map(|sum| (sum / weights) as f32);
        }
    }
    centres
}

/// The mean square distance, in levels, of `colours` from their nearest entries.
pub(crate) fn error(palette: &[Colour], colours: &[Weighted]) -> f32 {
    let entries = palette.iter().map(|colour| colour.map(f32::from)).collect();
    let mut nearest = Nearest::new(entries, 0.0);
    let (mut sum, mut weights) = (0.0, 0.0);
    for Weighted { colour, weight } in colours {
        sum += weight * nearest.of(*colour).1;
        weights += weight;
    }
    sum / weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighted(colours: impl IntoIterator<Item = Colour>) -> Vec<Weighted> {
        let weight = 1.0;
        let colours = colours.into_iter().map(|colour| colour.map(f32::from));
        colours.map(|colour| Weighted { colour, weight }).collect()
    }

    #[test]
    fn few_colours_are_kept_as_they_are() {
        let colours = [[0, 0, 0], [200, 0, 0], [255, 255, 255]];
        assert_eq!(palette(&weighted(colours)), colours);
        assert_eq!(palette(&weighted([[7, 8, 9]])), [[7, 8, 9]]);
    }

    #[test]
    fn a_grey_ramp_is_shared_out_evenly() {
        let greys = palette(&weighted((0..=255).map(|level| [level; 3])));
        assert!(greys.len() > 250, "{}", greys.len());
        assert!(greys.windows(2).all(|pair| pair[1][0] - pair[0][0] <= 2));
    }

    #[test]
    fn a_palette_of_a_colour_cube_is_near_every_colour() {
        let steps = || (0..=255).step_by(15);
        let cube = steps().flat_map(|r| steps().flat_map(move |g| steps().map(move |b| [r, g, b])));
        let cube = weighted(cube);
        let palette = palette(&cube);
        assert_eq!(palette.len(), MOST_COLOURS);
        // 255 balls that share out the cube have a mean square radius of about 500.
        assert!(error(&palette, &cube) < 700.0, "{}", error(&palette, &cube));
    }
}
